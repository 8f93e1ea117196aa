"""Text from outside, made safe for a terminal."""


def printable(text: str) -> str:
    """Return ``text`` on one line, without characters that could control a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
