"""Grabs a part of an X11 display, and makes a picture only where something was drawn there."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.deadline import Late, within
from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource, NothingToSee
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources.region import Region
from ngrt.sources.x11_damage import ScreenEvents
from ngrt.sources.x11_screen import PIXEL, Screen
from ngrt.x11.errors import unanswered

OPENING = 5.0
"""Seconds that a display may take to show its first picture."""

PATIENCE = 1.0
"""Seconds that closing waits for a grab in progress; a server that hangs would hold it for ever."""

GRABS = 240.0
"""Grabs a second where one that finds nothing new costs next to nothing."""

BACKSTOP = 0.25
"""Seconds after which a picture is made though nothing is said to be drawn: a driver may draw past the server."""

MOST_UNSAID = 3
"""Changes of the picture that the server did not tell of, after which it is no longer listened to."""

BLACK = 2.0
"""Seconds without anything but black, from the first picture on, that say that there is nothing to be seen."""

Where = Callable[[Screen], Region]
"""From a screen as it is now to the part of it that is grabbed."""


class Grabber(Resource):
    """Grabs pictures of ``display``, of a part that each grab says anew.

    ``rate``: pictures a second that are wanted. Where the server tells what is drawn, a grab is worth while every
    `interval`, much more often: it makes a picture only after something was drawn, at most twice as often as ``rate``.
    Where it does not, `interval` is that of ``rate``, and each grab makes a picture and compares it.
    """

    def __init__(self, display: str, rate: float) -> None:
        self.display = display
        self._rate = rate
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._screen: Screen | None = None
        self._events: ScreenEvents | None = None
        self._followed: int | None = None
        self._window: int | None = None
        self._last: tuple[Region, bytearray] | None = None
        self._reconnected = False
        self._unsaid = 0
        self._coloured = False
        self._forget()

    @property
    def interval(self) -> float:
        """Seconds between two grabs."""
        return min(1 / GRABS if self._events is not None else 1.0, 1 / self._rate)

    @property
    def black(self) -> bool:
        """Nothing but black has been seen, for `BLACK` seconds."""
        return not self._coloured and self._seen - self._since >= BLACK

    def open(self, grab: Callable[[float], object]) -> None:
        """Grab once through ``grab``, in a thread of its own: a server that hangs must not hang the program.

        :raises SourceError: the display cannot be reached, does not answer, or is Wayland's and stays black
        """
        try:
            within(OPENING, lambda: self._grab_first(grab), name="ngrt-open")
        except Late:
            self._closed.set()  # for when it answers after all
            raise unanswered(self.display, OPENING) from None
        except Exception:
            self.close()
            raise
        self._forget()  # the first grab of the session gets the picture too

    def grab(self, now: float, where: Where) -> Image | None:
        """Return the picture, (height, width, 3) uint8 RGB, or None where it has not changed.

        :raises EndOfSource: after `close`, or raised by ``where``
        :raises NothingToSee: raised by ``where``, or black where that may be Wayland's doing
        :raises SourceError: the display is gone, or hides its windows because the session is Wayland's
        """
        with self._lock:
            if self._closed.is_set():
                raise EndOfSource
            try:
                return self._grab(now, where)
            finally:
                if self._closed.is_set():  # by someone who did not wait for this grab
                    self._disconnect()

    def follow(self, window: int) -> None:
        """Let `moved` tell of ``window``, within a grab."""
        self._followed = window
        if self._events is not None:
            with suppress(SourceError):  # found out at the next grab
                self._events.follow(window)

    def read_from(self, window: int | None) -> None:
        """Grab ``window``'s own picture from now on, counted from its corner; None: the screen."""
        if window != self._window:
            self._last = None
        self._window = window

    def moved(self) -> bool:
        """Return, once, whether the window that is followed may have changed its place, size or state."""
        moved, self._reconnected = self._reconnected, False
        if self._events is not None:
            moved, self._events.moved = moved or self._events.moved, False
        return moved

    def close(self) -> None:
        """Disconnect; a later `grab` finds the end."""
        self._closed.set()
        if self._lock.acquire(timeout=PATIENCE):
            self._disconnect()
            self._lock.release()

    def _grab_first(self, grab: Callable[[float], object]) -> None:
        """Grab until there is something, or nothing for another reason than a screen that is black so far."""
        clock = MonotonicClock()
        while True:
            try:
                grab(clock.now())
                return
            except EndOfSource:
                return
            except NothingToSee:
                if self._last is None:
                    return
            time.sleep(0.1)

    def _grab(self, now: float, where: Where) -> Image | None:
        self._read()
        screen, region = self._find(where)
        image = None
        if self._due(region, now):
            try:
                image = self._picture(screen, region, now)
            except SourceError:  # a game that changes the resolution makes what is known wrong: begin afresh
                self._disconnect()
                image = self._retry(where, now)
        self._check_black(screen, now)
        return image

    def _forget(self) -> None:
        """Let the next grab find a new picture."""
        self._last = None
        self._next = self._stale = float("-inf")
        self._since = self._seen = float("inf")

    def _read(self) -> None:
        """Take in what the server said; begin afresh where the screen changed its size or the connection is gone."""
        if self._events is None:
            return
        try:
            self._events.read()
        except SourceError:
            self._disconnect()
            return
        if self._events.resized:
            self._disconnect()

    def _find(self, where: Where) -> tuple[Screen, Region]:
        if self._screen is None:
            self._screen = self._connected()
        try:
            return self._screen, where(self._screen)
        except NothingToSee:
            self._forget()  # whoever shows nothing meanwhile wants the picture, once there is one
            raise

    def _due(self, region: Region, now: float) -> bool:
        """Return whether to make a picture."""
        if self._last is None or self._last[0] != region:
            return True
        if now < self._next:
            return False
        return self._events is None or self._events.drawn(region) or now >= self._stale

    def _retry(self, where: Where, now: float) -> Image | None:
        """Make a picture through a new connection.

        :raises SourceError: it cannot be made either
        """
        screen, region = self._find(where)
        try:
            return self._picture(screen, region, now)
        except SourceError:
            self._disconnect()
            raise

    def _picture(self, screen: Screen, region: Region, now: float) -> Image | None:
        """Make a picture; return it where it is new.

        :raises SourceError: the connection is gone, or what is known of the screen no longer so
        """
        events, last, self._last = self._events, self._last, None
        if events is not None:
            events.listen_to(self._window)
        said = events is None or last is None or last[0] != region or events.drawn(region)
        if events is not None:
            events.forget_drawn()
        shot = screen.shoot(region, self._window)
        self._last = region, shot
        often = self._rate if events is None else 2 * self._rate
        self._next, self._stale = now + 1 / often - 0.5 / GRABS, now + BACKSTOP
        if last is not None and last[0][2:] == region[2:] and last[1] == shot:
            return None
        if not said:
            self._count_unsaid(region)
        bgra = np.frombuffer(shot, np.uint8).reshape(region.height, region.width, PIXEL)
        image = np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), np.uint8)
        self._coloured = self._coloured or bool(image.any())
        return image

    def _count_unsaid(self, region: Region) -> None:
        """Count a change that the server did not tell of; after a few of them stop listening to it."""
        events = self._events
        if events is None:
            return
        events.settle()
        events.read()
        if events.drawn(region):  # said after it was last read, and before the picture
            return
        self._unsaid += 1
        if self._unsaid >= MOST_UNSAID:
            self._events = None
            events.close()

    def _check_black(self, screen: Screen, now: float) -> None:
        """See for how long all has been black.

        :raises NothingToSee: not for long, but Wayland may be the reason
        :raises SourceError: for long, and Wayland is the reason
        """
        if self._coloured:
            return
        self._since, self._seen = min(self._since, now), now
        if not screen.wayland or self._window is not None:
            return
        if self.black:
            raise SourceError(
                f"display {self.display} is black: Wayland hides its windows from X11",
                remedy="play a window of XWayland (--process or --window), or log in to an X11 (Xorg) session",
            )
        raise NothingToSee(f"display {self.display} is black so far, which may be Wayland's doing")

    def _connected(self) -> Screen:
        self._last, self._reconnected = None, True
        screen = Screen(self.display)
        if self._unsaid < MOST_UNSAID:
            with suppress(SourceError):
                self._events = ScreenEvents(self.display)
                if self._followed is not None:
                    self._events.follow(self._followed)
        return screen

    def _disconnect(self) -> None:
        screen, self._screen = self._screen, None
        events, self._events = self._events, None
        if screen is not None:
            screen.close()
        if events is not None:
            events.close()
