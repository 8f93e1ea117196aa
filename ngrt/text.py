"""Text from outside, made harmless: no control characters, nothing that is not seen, never longer than a person reads.

All that people are told passes here: errors as they are made (`ngrt.errors`), what a console prints
(`ngrt.view.console`), what stands on a page (`ngrt.html`).
"""

from typing import Any

MOST_SAID = 4000
"""Characters of an error's part: room for the longest path that a system takes."""

MOST_OF_A_LIBRARY = 600
"""Characters of a library's own message."""

MOST_OF_A_VALUE = 60
MOST_DIGITS = 40
MOST_ITEMS, DEEPEST = 3, 3
"""Items of a list or mapping that are shown, and levels of lists in lists."""

GONE = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Return ``text`` on one line, without characters that control a terminal, turn its direction or are not seen."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else GONE for char in text)


def lines(text: str) -> str:
    """Return ``text`` as `printable` does, line by line."""
    return "\n".join(printable(line) for line in text.split("\n"))


def cut(text: str, most: int = MOST_SAID) -> str:
    """Return ``text`` no longer than ``most`` characters, cut in the middle: its end may say what is wrong."""
    tail = most // 3
    return text if len(text) <= most else f"{text[: most - tail - 3]}...{text[len(text) - tail :]}"


def one_line(error: BaseException) -> str:
    """Return what a library's error says on one line, the name of its kind where it says nothing."""
    return cut(printable(" ".join(str(error).split())), MOST_OF_A_LIBRARY) or type(error).__name__


def plain(data: Any) -> Any:
    """Return ``data``, of mappings, sequences and scalars, with all its text `printable`, as JSON is given it."""
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, dict):
        return {plain(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(item) for item in data]
    return data


def short(value: object) -> str:
    """Return any value from a file as one short line, in no more time and memory than the line takes."""
    text = _shown(value, DEEPEST)
    return text if len(text) <= MOST_OF_A_VALUE else f"{text[: MOST_OF_A_VALUE - 3]}..."


def _shown(value: object, levels: int) -> str:
    if isinstance(value, str | bytes):
        return repr(value[: MOST_OF_A_VALUE + 1])
    if isinstance(value, int) and not isinstance(value, bool):
        bits = int.bit_length(value)
        return f"an integer of {bits} bits" if bits > 3 * MOST_DIGITS else int.__repr__(value)
    if value is None or isinstance(value, float | bool):
        return repr(value)
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _container(value, levels)
    return type(value).__name__


def _container(value: Any, levels: int) -> str:
    if levels == 0:
        return "..."
    first = [item for _, item in zip(range(MOST_ITEMS), iter(value), strict=False)]
    more = ", ..." if len(value) > MOST_ITEMS else ""
    if isinstance(value, dict):
        shown = (f"{_shown(key, 0)}: {_shown(dict.__getitem__(value, key), levels - 1)}" for key in first)
        return f"{{{', '.join(shown)}{more}}}"
    begin, end = "[]" if isinstance(value, list) else "()" if isinstance(value, tuple) else "{}"
    return f"{begin}{', '.join(_shown(item, levels - 1) for item in first)}{more}{end}"
