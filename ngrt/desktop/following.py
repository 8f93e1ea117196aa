"""Which window a game has, from its first to the one it has after it was started again."""

from collections.abc import Callable

from ngrt.interfaces import Desktop, EndOfSource, NothingToSee, Window
from ngrt.resource import Resource
from ngrt.text import printable

ASKING = 0.25
"""Seconds after which a window's place is asked for though nobody said that it moved."""

SEARCHING = 0.5
"""Seconds between two searches for a window that was closed."""


class Following(Resource):
    """Follows ``window`` of ``desktop``. For ``find_again`` and ``ends`` see `ngrt.sources.open.open_window`."""

    def __init__(self, desktop: Desktop, window: Window, find_again: Callable[[], Window | None], ends: bool) -> None:
        self._desktop, self._find_again, self._ends = desktop, find_again, ends
        self._window: Window | None = window
        self._due = float("-inf")
        self.label = label(window)

    @property
    def number(self) -> int | None:
        """The window's number, None while it is closed."""
        return None if self._window is None else self._window.number

    def due(self, now: float) -> bool:
        """Return whether it is time to ask where the window is."""
        return now >= self._due

    def hurry(self) -> None:
        """Let it be time."""
        self._due = float("-inf")

    def ask(self, now: float) -> None:
        """Ask where the window is, or for another one once it is closed.

        :raises ngrt.errors.SourceError: the desktop is gone
        """
        known = self._window
        found = None if known is None else self._desktop.window(known.number)
        if known is not None and found is not None and None not in (found.pid, known.pid) and found.pid != known.pid:
            found = None  # a number is given again, and what has it then must not be played
        if found is None or not found.shown:
            found = self._instead_of(known, found)
        if found is not None and (known is None or found.number != known.number):
            self.label = label(found)
        self._window = found
        self._due = now + (SEARCHING if found is None else ASKING)

    def _instead_of(self, known: Window | None, found: Window | None) -> Window | None:
        """Return the game's new window, where the one ``known`` is closed or hidden (``found``) and there is another.

        A launcher gives way to the game, and a game may show another window as it goes fullscreen.
        """
        if known is None and self._ends:
            return None
        other = self._find_again()
        if other is None:
            return found
        same_process = known is not None and known.pid is not None and other.pid == known.pid
        if (same_process and other.shown) or (found is None and not self._ends):
            return other
        return found

    def window(self) -> Window:
        """Return the window as it was when last asked for.

        :raises EndOfSource: it is closed, and that is the end
        :raises NothingToSee: it is minimised or closed
        """
        window = self._window
        if window is None and self._ends:
            raise EndOfSource
        if window is None:
            raise NothingToSee(f"{self.label} is closed; start the game again to play on")
        if not window.shown:
            raise NothingToSee(f"{self.label} is minimised; bring it back to play on")
        return window

    def close(self) -> None:
        """Let go of the desktop."""
        self._desktop.close()


def label(window: Window) -> str:
    """Return what a window is called, for people."""
    title = " ".join(window.title.split()) or "without a title"
    return printable(f"window {title}" + (f" of {window.process}" if window.process else ""))
