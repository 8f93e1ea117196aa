"""Consoles that print nothing harmful: of control characters only our own styles reach a terminal."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ngrt import text as texts


class HarmlessConsole(Console):
    """A console through which text from outside comes only made harmless; styles and the live view's controls pass."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of ``renderable``, of which everything that is printed is made."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            harmless = control is not None or text == "\n" or text.isprintable()
            yield segment if harmless else Segment(texts.lines(text), style)

    def print_json(self, json: str | None = None, *, data: Any = None, **options: Any) -> None:
        """Print ``data`` as JSON in which all text is harmless, also after it was parsed."""
        super().print_json(json, data=texts.plain(data), **options)

    @property
    def file(self) -> IO[str]:
        """Where it writes: past the guard of standard error, which would take its styles for harm."""
        found = super().file
        while (behind := getattr(found, "rich_proxied_file", None)) is not None:
            found = behind
        return found

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file


class _Guarded:
    """A stream that makes harmless what is written to it, by whomever: warnings, tracebacks, libraries' logs."""

    def __init__(self, unguarded: IO[str]) -> None:
        self.rich_proxied_file = unguarded  # by this name rich asks for the stream behind

    def write(self, text: str) -> int:
        self.rich_proxied_file.write("\r".join(texts.lines(part) for part in text.split("\r")))  # as progress bars do
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


@contextmanager
def guarded_errors() -> Iterator[None]:
    """Let nothing harmful through to standard error in the ``with``, whatever in this process writes there."""
    before, output = sys.stderr, sys.stdout
    sys.stderr = cast(Any, _Guarded(before))
    if output is before:  # what libraries print goes where errors go
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stderr, sys.stdout = before, output
