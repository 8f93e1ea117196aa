"""Names and titles as people read them: what looks the same is the same. Pure."""

import unicodedata

UNSEEN = frozenset({"Cf", "Cc", "Cs"})
"""Categories of what has no shape of its own: zero-width characters, marks of direction, soft hyphens, controls."""

SELECTORS = range(0xFE00, 0xFE10)
"""Variation selectors, which choose between two looks of one character."""

TYPED = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
}
"""What titles have, and what keyboards have instead."""

ESCAPED = range(0xDC80, 0xDD00)
"""How Python keeps a byte of a name that is not UTF-8; most of them are from disks with Latin-1."""


def as_read(text: str) -> str:
    """Return a name without what nobody sees: two that look the same become the same.

    Case, decomposed letters, bytes of Latin-1, characters without width and all kinds of spaces make no difference.
    """
    text = "".join(chr(ord(char) - 0xDC00) if ord(char) in ESCAPED else char for char in text)
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    spaced = (" " if char.isspace() else char for char in text)
    return " ".join("".join(char for char in spaced if _is_seen(char)).split())


def title_as_read(title: str) -> str:
    """Return a title like `as_read`, with what no keyboard has replaced by what people type for it."""
    plain = "".join(TYPED.get(char, char) for char in unicodedata.normalize("NFKC", title))
    return as_read(unicodedata.normalize("NFKD", plain))


def bytes_of(name: str) -> bytes:
    """Return a file's name as the system has it."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # of Windows, which has halves of characters
        return name.encode("utf-8", "surrogatepass")


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in UNSEEN and ord(char) not in SELECTORS
