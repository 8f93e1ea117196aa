"""An X11 display as it is on the screen (mss, through XCB and shared memory): one monitor, or one window.

Both read what is on the screen. A window that is behind another shows that other: the server keeps what is hidden only
where a compositor redirects the window, and then hands it out as a pixmap, which mss does not read and which
python-xlib copies through a socket.
"""

from collections.abc import Callable

from ngrt.desktop.following import Following
from ngrt.errors import SourceError
from ngrt.interfaces import Desktop, NothingToSee, Window
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources.region import Region
from ngrt.sources.x11_grabber import Grabber
from ngrt.sources.x11_screen import Screen
from ngrt.x11.link import display_name


class X11Source(Resource):
    """Watches a monitor of ``display`` (such as ``:0``; None: the one that $DISPLAY names).

    ``rate``: pictures a second that are wanted. ``monitor`` is counted from 0, None the primary one. A picture's time
    is that of the grab, so ``age`` is 0: X11 does not tell when it was drawn, which was about an `interval` before at
    most.

    :raises SourceError: the display cannot be reached, has no such monitor, or hides its windows because the session is
        Wayland's
    """

    age = 0.0

    def __init__(self, display: str | None = None, rate: float = 60.0, monitor: int | None = None) -> None:
        self._grabber = Grabber(display_name(display, SourceError), rate)
        self._monitor = monitor
        self._grabber.open(self.grab)

    @property
    def name(self) -> str:
        """Which display, which monitor, and that it is black."""
        which = "" if self._monitor is None else f"monitor {self._monitor} of "
        return f"{which}display {self._grabber.display}{_remark(self._grabber)}"

    @property
    def interval(self) -> float:
        """Seconds between two grabs that are worth their while."""
        return self._grabber.interval

    def grab(self, now: float) -> Image | None:
        """Return the monitor's picture, (height, width, 3) uint8 RGB, or None where it has not changed.

        :raises EndOfSource: after `close`
        :raises NothingToSee: black so far, where that may be Wayland's doing
        :raises SourceError: the display or the monitor is gone
        """
        return self._grabber.grab(now, self._where)

    def close(self) -> None:
        """Disconnect; a later `grab` finds the end."""
        self._grabber.close()

    def _where(self, screen: Screen) -> Region:
        if self._monitor is None:
            return screen.primary
        if (count := len(screen.monitors)) <= self._monitor:
            raise SourceError(
                f"display {self._grabber.display} has no monitor {self._monitor}",
                value=self._monitor,
                limit=f"it has {count}, counted from 0",
                remedy=f"try --monitor {count - 1}",
            )
        return screen.monitors[self._monitor]


class X11Window(Resource):
    """Watches what is on the screen where ``window`` draws, wherever it is moved.

    ``find_again`` is asked twice a second for the game's window once it is closed, unless ``ends``: then that is the
    end. For ``display``, ``rate`` and age see `X11Source`.

    :raises SourceError: the display or the desktop cannot be reached, or hides its windows because the session is
        Wayland's
    """

    age = 0.0

    def __init__(
        self,
        desktop: Desktop,
        window: Window,
        find_again: Callable[[], Window | None],
        ends: bool,
        rate: float = 60.0,
        display: str | None = None,
    ) -> None:
        self._game = Following(desktop, window, find_again, ends)
        self._grabber = Grabber(display_name(display, SourceError), rate)
        self._grabber.follow(window.number)
        self._grabber.open(self.grab)
        self._game.hurry()

    @property
    def name(self) -> str:
        """Which window, and that it is black."""
        return f"{self._game.label}{_remark(self._grabber)}"

    @property
    def interval(self) -> float:
        """Seconds between two grabs that are worth their while."""
        return self._grabber.interval

    @property
    def number(self) -> int | None:
        """The window's number, None while it is closed."""
        return self._game.number

    def grab(self, now: float) -> Image | None:
        """Return what the window shows, (height, width, 3) uint8 RGB, or None where it has not changed.

        :raises EndOfSource: after `close`, or where the window is closed and that is the end
        :raises NothingToSee: the window is minimised, closed, outside the screen, or black as Wayland's are
        :raises SourceError: the display or the desktop is gone
        """
        return self._grabber.grab(now, lambda screen: self._where(screen, now))

    def close(self) -> None:
        """Disconnect, from the desktop as well; a later `grab` finds the end."""
        self._grabber.close()
        self._game.close()

    def _where(self, screen: Screen, now: float) -> Region:
        if self._grabber.moved() or self._game.due(now):
            self._follow(now)
        window = self._game.window()
        self._grabber.read_from(window.number if screen.wayland else None)
        corner = (0, 0) if screen.wayland else (window.left, window.top)
        region = Region(*corner, window.width, window.height).within(screen.desktop)
        if not region.area:
            raise NothingToSee(f"{self._game.label} is outside the screen; move it back to play on")
        return region

    def _follow(self, now: float) -> None:
        known = self._game.number
        self._game.ask(now)
        if (number := self._game.number) not in (None, known):
            self._grabber.follow(number)


def _remark(grabber: Grabber) -> str:
    return " (nothing but black so far)" if grabber.black else ""
