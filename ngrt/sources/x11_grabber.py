"""Looks at a part of an X11 display, and makes a picture only where something was drawn there."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource, NothingToSee
from ngrt.messages import Image
from ngrt.sources.region import Region
from ngrt.sources.x11_damage import LOST, Changes
from ngrt.sources.x11_screen import FAILURES, Screen, unwatchable

OPENING = 5.0
"""Seconds that a display may take to show its first picture."""

PATIENCE = 1.0
"""Seconds that closing waits for a grab in progress; a server that hangs would hold it for ever."""

GRABS = 240.0
"""Looks a second where one that finds nothing new costs next to nothing."""

BACKSTOP = 0.25
"""Seconds after which a picture is made though nothing is said to be drawn: a driver may draw past the server."""

UNTOLD = 3
"""Changes that were not said, after which what is said is no longer gone by."""

BLACK = 2.0
"""Seconds without anything but black, from the first picture on, that say that there is nothing to be seen."""

Where = Callable[[Screen], Region]
"""From a screen as it is now to the part of it that is looked at."""


class Grabber:
    """Looks at ``display``; at what is said anew at each look.

    ``rate``: pictures a second that are wanted. Where the server tells what is drawn, a look is worth while every
    `interval`, much more often: it makes a picture only after something was drawn, at most twice as often as ``rate``.
    Where it does not, `interval` is that of ``rate``, and each look makes one and compares it.
    """

    def __init__(self, display: str, rate: float) -> None:
        self.display = display
        self._rate = rate
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._screen: Screen | None = None
        self._changes: Changes | None = None
        self._followed: int | None = None
        self._inside: int | None = None
        self._last: tuple[Region, bytearray] | None = None
        self._fresh = False
        self._untold = 0
        self._coloured = False
        self._forget()

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return min(1 / GRABS if self._changes is not None else 1.0, 1 / self._rate)

    @property
    def black(self) -> bool:
        """Nothing but black has been seen, for `BLACK` seconds."""
        return not self._coloured and self._seen - self._since >= BLACK

    def open(self, grab: Callable[[float], object]) -> None:
        """Look once through ``grab``, in a thread of its own: a server that hangs must not hang the program.

        :raises SourceError: the display cannot be reached, does not answer, or is Wayland's and stays black
        """
        failed: list[Exception] = []

        def first() -> None:
            clock = MonotonicClock()
            try:
                while not self._first(grab, clock.now()):
                    time.sleep(0.1)
            except Exception as error:  # noqa: BLE001  (raised below, in the thread that called)
                failed.append(error)

        opening = threading.Thread(target=first, name="ngrt-open", daemon=True)
        opening.start()
        opening.join(OPENING)
        if opening.is_alive():
            self._closed.set()  # for when it answers after all
            raise SourceError(
                f"display {self.display} has not answered for {OPENING:g} s", remedy="restart its X server"
            )
        if failed:
            self.close()
            raise failed[0]
        self._forget()  # the first look of the session gets the picture too

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
                return self._look(now, where)
            finally:
                if self._closed.is_set():  # by someone who did not wait for this look
                    self._disconnect()

    def follow(self, window: int) -> None:
        """Let `moved` tell of ``window``, within a look."""
        self._followed = window
        if self._changes is not None:
            with suppress(*LOST):  # found out at the next look
                self._changes.follow(window)

    def look_into(self, window: int | None) -> None:
        """Look at ``window``'s own picture from now on, counted from its corner; None: at the screen."""
        if window != self._inside:
            self._last = None
        self._inside = window

    def moved(self) -> bool:
        """Return, once, whether the window that is followed may have changed its place, size or state."""
        moved, self._fresh = self._fresh, False
        if self._changes is not None:
            moved, self._changes.moved = moved or self._changes.moved, False
        return moved

    def close(self) -> None:
        """Disconnect; a later `look` finds the end."""
        self._closed.set()
        if self._lock.acquire(timeout=PATIENCE):
            self._disconnect()
            self._lock.release()

    def _first(self, grab: Callable[[float], object], now: float) -> bool:
        """Return whether the first look is over: not where it was black, and may stay so."""
        try:
            grab(now)
        except EndOfSource:
            return True
        except NothingToSee:
            return self._last is None
        return True

    def _look(self, now: float, where: Where) -> Image | None:
        self._read()
        screen, region = self._find(where)
        image = None
        if self._due(region, now):
            try:
                image = self._picture(screen, region, now)
            except (*FAILURES, *LOST):  # a game that changes the resolution makes what is known wrong: look afresh
                self._disconnect()
                image = self._again(where, now)
        self._judge(screen, now)
        return image

    def _forget(self) -> None:
        """Let the next look find a new picture."""
        self._last = None
        self._next = self._stale = float("-inf")
        self._since = self._seen = float("inf")

    def _read(self) -> None:
        """Take in what the server said; look afresh where it changed or is gone."""
        if self._changes is None:
            return
        try:
            self._changes.read()
        except LOST:
            self._disconnect()
            return
        if self._changes.resized:
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
        return self._changes is None or self._changes.drawn(region) or now >= self._stale

    def _again(self, where: Where, now: float) -> Image | None:
        """Make a picture through a new connection.

        :raises SourceError: it cannot be made either
        """
        try:
            return self._picture(*self._find(where), now)
        except (*FAILURES, *LOST) as error:
            self._disconnect()
            raise unwatchable(self.display, error) from error

    def _picture(self, screen: Screen, region: Region, now: float) -> Image | None:
        """Make a picture; return it where it is new."""
        changes, last, self._last = self._changes, self._last, None
        if changes is not None:
            changes.listen_to(self._inside)
        told = changes is None or last is None or last[0] != region or changes.drawn(region)
        if changes is not None:
            changes.take()
        shot = screen.shoot(region, self._inside)
        self._last = region, shot
        often = self._rate if changes is None else 2 * self._rate
        self._next, self._stale = now + 1 / often - 0.5 / GRABS, now + BACKSTOP
        if last is not None and last[0][2:] == region[2:] and last[1] == shot:
            return None
        if not told:
            self._distrust(region)
        bgra = np.frombuffer(shot, np.uint8).reshape(region.height, region.width, 4)
        image = np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), np.uint8)
        self._coloured = self._coloured or bool(image.any())
        return image

    def _distrust(self, region: Region) -> None:
        """Count a change that was not said; after a few of them go without what is said."""
        changes = self._changes
        if changes is None:
            return
        changes.settle()
        changes.read()
        if changes.drawn(region):  # said between the last look at what is said and the picture
            return
        self._untold += 1
        if self._untold >= UNTOLD:
            self._changes = None
            changes.close()

    def _judge(self, screen: Screen, now: float) -> None:
        """See for how long all has been black.

        :raises NothingToSee: not for long, but Wayland may be the reason
        :raises SourceError: for long, and Wayland is the reason
        """
        if self._coloured:
            return
        self._since, self._seen = min(self._since, now), now
        if not screen.wayland or self._inside is not None:
            return
        if self.black:
            raise SourceError(
                f"display {self.display} is black: Wayland hides its windows from X11",
                remedy="play a window of XWayland (--process or --window), or log in to an X11 (Xorg) session",
            )
        raise NothingToSee(f"display {self.display} is black so far, which may be Wayland's doing")

    def _connected(self) -> Screen:
        self._last, self._fresh = None, True
        screen = Screen(self.display)
        if self._untold < UNTOLD:
            with suppress(*LOST):
                self._changes = Changes(self.display)
                if self._followed is not None:
                    self._changes.follow(self._followed)
        return screen

    def _disconnect(self) -> None:
        screen, self._screen = self._screen, None
        changes, self._changes = self._changes, None
        if screen is not None:
            screen.close()
        if changes is not None:
            with suppress(*LOST):
                changes.close()
