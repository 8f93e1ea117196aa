"""Where commands print: results to standard output, everything else to standard error."""

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ngrt.errors import NgrtError
from ngrt.text import printable
from ngrt.view.console import HarmlessConsole
from ngrt.view.terminal import READABLE, make_readable


@contextmanager
def _printable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NgrtError(
            f"standard output cannot be written ({error.strerror})", remedy="see where it goes, and the space there"
        ) from error


class Results(HarmlessConsole):
    """Standard output. ``wants_json``: what is printed is to be one JSON document; ``answered``: it was printed."""

    wants_json = False
    answered = False

    def out(self, *objects: Any, **options: Any) -> None:
        """Print what is for programs, as it is.

        :raises NgrtError: standard output cannot be written
        """
        self.answered = True
        with _printable():
            super().out(*objects, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print what is for people.

        :raises NgrtError: standard output cannot be written
        """
        with _printable():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """End quietly: nobody reads what is printed any more, as after `ngrt info BUNDLE | head -1`."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        raise SystemExit(1)


out = Results(soft_wrap=True)
page = Results()
"""Standard output for help, which is text and wraps; a table in a pipe does not."""

err = HarmlessConsole(stderr=True)


def tell(text: str) -> None:
    """Print ``text`` to standard error on one line, unwrapped: a log or a pipe gets whole lines."""
    with suppress(OSError):  # a log on a disk that is full
        err.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print ``value`` to standard output as JSON that any reader takes, without colours."""
    out.out(json.dumps(_plain(value), indent=1, allow_nan=False), highlight=False)


def answer_with_error(error: BaseException, line: str) -> None:
    """Print ``error``, told in ``line``, as JSON, where a program waits for JSON and has got none."""
    if not out.wants_json or out.answered:
        return
    told = {name: getattr(error, name, "") for name in ("problem", "value", "limit", "remedy")}
    if not isinstance(error, NgrtError):
        told = {"problem": line, "value": None, "limit": "", "remedy": ""}
    with suppress(NgrtError):  # it cannot be printed, which is what the line says
        print_json({"error": told})


def claim_standard_output() -> None:
    """Keep standard output for results: what libraries print, from Python or from C, goes to standard error.

    Called once, by the process that a person starts.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # it was closed: the next file that is opened must not take its place
            _open_nowhere(number, name)
    make_readable(sys.stdout)
    make_readable(sys.stderr)
    encoding = sys.stdout.encoding
    sys.stdout.flush()
    page.file = out.file = os.fdopen(os.dup(1), "w", encoding=encoding, errors=READABLE)
    os.dup2(2, 1)
    sys.stdout = sys.stderr


def _open_nowhere(number: int, name: str) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))


def _plain(value: object) -> object:
    """Return ``value`` made of what JSON has: no infinities, no bytes of names that are not UTF-8, no objects."""
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int)) else _text(str(value))


def _text(text: str) -> str:
    return printable(text.encode("utf-8", "replace").decode())
