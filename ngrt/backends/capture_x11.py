"""An X11 display as it is on the screen (mss, through XCB and shared memory)."""

import os
import threading
from contextlib import suppress

import cv2
import mss
import numpy as np
from mss.exception import ScreenShotError
from mss.screenshot import ScreenShot

from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource
from ngrt.messages import Image

FAILURES = (ScreenShotError, AssertionError, ValueError, OSError)
"""What mss raises: a lost connection fails its assertions, or reads a null pointer where those are switched off."""

OPENING = 5.0
"""Seconds that a display may take to show its first picture."""

PATIENCE = 1.0
"""Seconds that closing waits for a grab in progress; a server that hangs would hold it for ever."""


class X11Source:
    """Watches the primary monitor of ``display`` (such as ``:0``; None: the one that $DISPLAY names).

    ``rate``: how many times a second to look. XCB, unlike Xlib, does not end the process when the display goes away,
    and does not mind which thread calls.

    :raises SourceError: the display cannot be reached, or hides its windows because the session is Wayland's
    """

    def __init__(self, display: str | None = None, rate: float = 60.0) -> None:
        own = os.environ.get("DISPLAY", "")
        self._display = display or own
        if not self._display:
            raise SourceError("no display given and DISPLAY is not set; give one, such as --display :0")
        self.age = 0.0
        self.name = f"display {self._display}"
        self.interval = 1 / rate
        self._lock = threading.Lock()
        self._closed = False
        self._screen: mss.MSS | None = None
        self._last = bytearray()
        image = self._first()
        self._last = bytearray()  # the first look of the session gets the picture too
        wayland = os.environ.get("XDG_SESSION_TYPE") == "wayland" and self._display == own
        if wayland and image is not None and not image.any():
            self.close()
            raise SourceError(
                f"display {self._display} is black: Wayland hides its windows from X11; log in to an X11 (Xorg) session"
            )

    def _first(self) -> Image | None:
        """Return the first picture, from a thread of its own: a server that hangs must not hang the program."""
        found: list[Image | None] = []
        failed: list[SourceError] = []

        def look() -> None:
            try:
                found.append(self.grab(0.0))
            except SourceError as error:
                failed.append(error)

        looking = threading.Thread(target=look, name="ngrt-open", daemon=True)
        looking.start()
        looking.join(OPENING)
        if failed:
            raise failed[0]
        if not found:
            raise SourceError(f"display {self._display} has not answered for {OPENING:g} s; restart its X server")
        return found[0]

    def grab(self, now: float) -> Image | None:
        """Return the monitor's picture, (height, width, 3) uint8 RGB, or None where it has not changed.

        :raises EndOfSource: after `close`
        :raises SourceError: the display is gone
        """
        with self._lock:
            if self._closed:
                raise EndOfSource
            shot = self._shoot()
        if shot.raw == self._last:
            return None
        self._last = shot.raw
        bgra = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), np.uint8)

    def close(self) -> None:
        """Disconnect; a later `grab` finds the end."""
        self._closed = True
        if self._lock.acquire(timeout=PATIENCE):
            self._disconnect()
            self._lock.release()

    def _shoot(self) -> ScreenShot:
        if self._screen is not None:
            try:
                return _take(self._screen)
            except FAILURES:  # a game that changes the resolution makes the monitor known so far wrong: look afresh
                self._disconnect()
        try:
            self._screen = mss.MSS(display=self._display)
            return _take(self._screen)
        except FAILURES as error:
            self._disconnect()
            reason = str(error) or "connection lost"
            raise SourceError(
                f"display {self._display} cannot be watched ({reason}); check DISPLAY and XAUTHORITY, or start an X "
                f"server: Xvfb {self._display}"
            ) from error

    def _disconnect(self) -> None:
        # Forgotten before it is closed: mss frees a lost connection each time it is asked to.
        screen, self._screen = self._screen, None
        if screen is not None:
            with suppress(*FAILURES):
                screen.close()


def _take(screen: mss.MSS) -> ScreenShot:
    # a server without RandR knows no monitors, only the whole
    return screen.grab(screen.primary_monitor if len(screen.monitors) > 1 else screen.monitors[0])
