"""Where a session is shown: a live view on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.live import Live

from ngrt.deadline import Late, within
from ngrt.ending import at_once, still
from ngrt.session.snapshot import Snapshot, View
from ngrt.text import printable
from ngrt.view.dashboard import plain_line, render
from ngrt.view.terminal import drawable

NEXT_STEPS = """
Next, with the real policy and a real game:
  pip install 'ngrt[export]'
  ngrt export nvidia/NitroGen --out engines/nitrogen   # 2 GB, non-commercial
  ngrt play engines/nitrogen --process game.exe        # ngrt windows lists what can be played
"""

PATIENCE = 1.0
"""Seconds that who reads what is told may take for a line before nothing more is told: a pipe, or a terminal."""


class _PlainView:
    interval = 1.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events = 0
        self._blocked = False

    def note(self, text: str) -> None:
        if not self._blocked:
            self._blocked = not _told(lambda: self._print(text))

    def _print(self, text: str) -> None:
        self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def show(self, snapshot: Snapshot) -> None:
        new, self._events = snapshot.events - self._events, snapshot.events
        for event in snapshot.recent[-new:] if new else ():
            self.note(event)
        self.note(plain_line(snapshot))


class _LiveView(_PlainView):
    interval = 1 / 12

    def __init__(self, console: Console, live: Live) -> None:
        super().__init__(console)
        self._live = live
        self._held = False

    def note(self, text: str) -> None:
        self.stop()  # a note at the end must stay on the screen after the view
        super().note(text)

    def show(self, snapshot: Snapshot) -> None:
        if self._held:
            return
        with suppress(OSError):
            self._live.start()  # not before: notes stay on the screen until there is something to show
            self._live.update(render(snapshot), refresh=True)

    def hold(self) -> None:
        """Give the terminal back while ngrt is stopped."""
        self._held = True
        self.stop()

    def go_on(self) -> None:
        """Show again."""
        self._held = False

    def stop(self) -> None:
        """Give the terminal back."""
        with suppress(OSError):
            self._live.stop()


def _told(tell: Callable[[], object]) -> bool:
    """Tell it; return whether who should read it does. That a disk is full is no reason to stop: it may be emptied."""
    with suppress(OSError):
        try:
            within(PATIENCE, tell, name="ngrt-note")
        except Late:
            return False
    return True


@contextmanager
def open_view(console: Console) -> Iterator[View]:
    """Open the view that suits ``console``: live on a terminal, else a line a second."""
    if not drawable(console):
        yield _PlainView(console)
        return
    view = _LiveView(console, Live(console=console, auto_refresh=False, screen=True))
    with still(view), at_once(view.stop):
        try:
            yield view
        finally:
            view.stop()
