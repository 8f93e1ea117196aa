"""Text from outside, made safe for a terminal."""


def printable(text: str) -> str:
    """Return ``text`` on one line, without characters that could control a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def one_line(error: BaseException) -> str:
    """Return what a library's error says on one line, the name of its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
