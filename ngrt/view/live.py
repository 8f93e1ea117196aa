"""Where a session is shown: a live view on a terminal, plain lines elsewhere, a progress bar for long work."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ngrt.view.dashboard import Snapshot, plain_line, render
from ngrt.view.figures import printable

NEXT_STEPS = """
Next, with the real policy and a real game:
  pip install -e '.[export]'
  ngrt export nvidia/NitroGen --out engines/nitrogen   # 2 GB, non-commercial
  ngrt play engines/nitrogen --process game.exe        # ngrt windows lists what can be played
"""


class View(Protocol):
    """Shows how a session goes, every ``interval`` seconds, from a thread of its own."""

    @property
    def interval(self) -> float:
        """Seconds between two calls of `show`."""

    def note(self, text: str) -> None:
        """Say what is being done before play begins, or what ended it."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the session as it is now."""


class _PlainView:
    interval = 1.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events = 0

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, snapshot: Snapshot) -> None:
        new, self._events = snapshot.events - self._events, snapshot.events
        for event in snapshot.recent[-new:] if new else ():
            self.note(printable(event))
        self.note(plain_line(snapshot))


class _LiveView(_PlainView):
    interval = 1 / 12

    def __init__(self, console: Console, live: Live) -> None:
        super().__init__(console)
        self._live = live

    def note(self, text: str) -> None:
        self._live.stop()  # what is said at the end must outlast the view
        super().note(text)

    def show(self, snapshot: Snapshot) -> None:
        self._live.start()  # now, not before: notes stay on the screen until there is something to see
        self._live.update(render(snapshot), refresh=True)


@contextmanager
def open_view(console: Console) -> Iterator[View]:
    """Open the view that suits ``console``: live on a terminal, else a line a second."""
    if not console.is_terminal or os.environ.get("TERM") == "dumb":
        yield _PlainView(console)
        return
    live = Live(console=console, auto_refresh=False, screen=True)
    try:
        yield _LiveView(console, live)
    finally:
        live.stop()


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Open a progress display and yield what moves it: the stage's name and the share that is done, 0 to 1."""
    if not console.is_terminal:
        told: list[str] = []

        def tell(stage: str, share: float) -> None:
            if told[-1:] != [stage]:  # a log needs each stage once
                told.append(stage)
                console.print(f"{share:4.0%} {stage}", markup=False, highlight=False, soft_wrap=True)

        yield tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console)
    task = progress.add_task("starting", total=1.0)

    def report(stage: str, share: float) -> None:
        progress.start()
        progress.update(task, description=stage, completed=share)

    try:
        yield report
    finally:
        progress.stop()
