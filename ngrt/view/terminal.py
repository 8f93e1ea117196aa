"""What suits the place that is printed to: whether it can be drawn on, and which characters it takes.

Colours are another question, which rich answers: FORCE_COLOR asks for colours in a log, not for a live view there.
"""

import codecs
import os
import sys
import unicodedata
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console

READABLE = "ngrt.readable"
"""An error handler for encoding: what a terminal or log cannot show is spelled in ASCII."""

SPELLED = {
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{MIDDLE DOT}": "-",
    "\N{BULLET}": "*",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{MICRO SIGN}": "u",
    "\N{NO-BREAK SPACE}": " ",
    "\N{REPLACEMENT CHARACTER}": "?",
    "\N{FULL BLOCK}": "#",
    "\N{UPPER HALF BLOCK}": '"',
}
"""What ngrt, rich and titles have beside letters. Letters are escaped as Python does, so that none is mistaken."""

LINES = range(0x2500, 0x2580)
"""The characters that boxes and bars are drawn with; what stands for one is as wide."""


def spelled(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for the characters that could not be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_spelled(char) for char in error.object[error.start : error.end]), error.end


def _spelled(char: str) -> str:
    if ord(char) not in LINES:
        return SPELLED.get(char) or char.encode("ascii", "backslashreplace").decode()
    words = unicodedata.name(char).split()
    if "HORIZONTAL" in words and "VERTICAL" not in words:
        return "=" if "HEAVY" in words else "-"
    return "|" if "VERTICAL" in words and "HORIZONTAL" not in words else "+"


codecs.register_error(READABLE, spelled)


def make_readable(stream: TextIO | None) -> None:
    """Let ``stream`` take any text, whatever its encoding."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors=READABLE)


def drawable(console: Console) -> bool:
    """Return whether a person watches ``console`` on a terminal that can be drawn on again and again."""
    if (
        not _is_terminal(console) or not console.is_interactive or _is_set("CI")
    ):  # some CI gives a terminal to what it logs
        return False
    kind = os.environ.get("TERM", "")
    return kind not in ("dumb", "unknown") and (bool(kind) or sys.platform == "win32")


def _is_terminal(console: Console) -> bool:
    try:
        return console.file.isatty()
    except ValueError:  # it is closed
        return False


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").casefold() not in ("", "0", "false", "no")
