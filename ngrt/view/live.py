"""Where a session is shown: a live view on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

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
        self._live.stop()  # a note at the end must stay on the screen after the view
        super().note(text)

    def show(self, snapshot: Snapshot) -> None:
        self._live.start()  # not before: notes stay on the screen until there is something to show
        self._live.update(render(snapshot), refresh=True)


@contextmanager
def open_view(console: Console) -> Iterator[View]:
    """Open the view that suits ``console``: live on a terminal, else a line a second."""
    if not drawable(console):
        yield _PlainView(console)
        return
    live = Live(console=console, auto_refresh=False, screen=True)
    try:
        yield _LiveView(console, live)
    finally:
        live.stop()
