"""Text from outside, made fit for a terminal."""


def printable(text: str) -> str:
    """Return ``text`` from a file or a person on one line, without what could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
