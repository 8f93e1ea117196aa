"""Text files that people and programs write, read within limits: bytes, depth and count are known before the parsing.

What is wrong is raised as ``ValueError``, in words that go on after "it is not TOML"; callers name the file and the
remedy.
"""

import codecs
import json
import re
import tomllib
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ngrt.text import printable, short

MOST_DEEP = 32
"""Levels of lists and tables in each other, in any file."""

MOST_PARTS = 16
"""Parts of a dotted key: tomllib takes the square of their number in time and memory."""

MOST_FAULTS = 1000
"""Faults of which the first is looked for: pydantic makes all of them to tell one."""

STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # text of several lines may end with two quotes of its own
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*",
    re.DOTALL,
)
LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_\"-]++[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}")
NESTS = {"[": 1, "{": 1, "]": -1, "}": -1}

OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_whole(path: Path, most: int) -> bytes:
    """Return the content of a file of at most ``most`` bytes, whatever size the system says it has.

    :raises OSError: it cannot be read
    :raises ValueError: there is more in it
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most} bytes")
    return content


def decoded(content: bytes) -> str:
    """Return the text in ``content``, UTF-8 with or without a byte order mark.

    :raises ValueError: it is other text, or none
    """
    for mark, name in OTHER_MARKS.items():
        if content.startswith(mark):
            raise ValueError(f"it is text in {name}; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8; save it as UTF-8") from error
    if "\0" in text:
        raise ValueError("it has zero bytes, as UTF-16 does; save it as UTF-8")
    return text


def parse_toml(content: bytes) -> dict[str, Any]:
    """Return the tables in ``content``.

    :raises ValueError: it is not TOML, or nested more deeply than anyone writes
    """
    text = decoded(content)
    bare = STRING_OR_COMMENT.sub(lambda found: "" if found[0].startswith("#") else '""', text)
    if max(accumulate(NESTS.get(sign, 0) for sign in bare), default=0) > MOST_DEEP:
        raise ValueError(f"it is nested more than {MOST_DEEP} deep")
    if LONG_KEY.search(bare):
        raise ValueError(f"it has a key of more than {MOST_PARTS} parts")
    tables: dict[str, Any] = _parsed(tomllib.loads, text)
    return tables


def parse_json(content: bytes, most: int, constants: Callable[[str], Any] | None = None) -> Any:
    """Return what is in ``content``, at most ``most`` values; ``constants`` makes NaN and the infinities.

    :raises ValueError: it is not JSON, or there is more in it
    """
    if sum(content.count(sign) for sign in (b",", b"[", b"{")) > most:
        raise ValueError(f"it has more than {most} values")
    return _parsed(lambda text: json.loads(text, parse_constant=constants), decoded(content))


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(printable(" ".join(str(error)[:400].split()))) from error


def check_depth(value: Any, most: int = MOST_DEEP) -> None:
    """Check that nothing in ``value``, parsed JSON, is nested more than ``most`` deep.

    :raises ValueError: it is
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        inner = (item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer))
        level = [item for item in inner if isinstance(item, dict | list)]
    if level:
        raise ValueError(f"it is nested more than {most} deep")


def first_fault(error: ValidationError) -> tuple[str, str, str]:
    """Return where the first fault is, what is wrong there, and the value there in short.

    Nowhere in particular if there are very many: an error for each would take more than the file itself.
    """
    if (count := error.error_count()) > MOST_FAULTS:
        return "", f"{count} values do not fit", ""
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part)[:80] for part in fault["loc"][:8])
    return where, fault["msg"][:400], short(fault["input"])
