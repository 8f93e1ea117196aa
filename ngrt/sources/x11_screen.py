"""Pictures of an X11 display: mss, through XCB and shared memory.

XCB, unlike Xlib, does not end the process when the display goes away, and does not mind which thread calls.
"""

import os
from contextlib import suppress

import mss
from mss.exception import ScreenShotError
from mss.linux.base import ALL_PLANES
from mss.linux.xcbgen import ImageFormat, Window, get_image
from mss.linux.xshmgetimage import MSSImplXShmGetImage
from mss.models import Monitor

from ngrt.errors import SourceError
from ngrt.sources.region import Region

FAILURES = (ScreenShotError, AssertionError, ValueError, OSError)
"""What mss raises: a lost connection fails its assertions, or reads a null pointer where those are switched off."""


class Screen:
    """A connection to ``display``.

    ``desktop``: all of it; ``monitors``: each of them; ``primary``: one of these. A server without RandR knows only the
    whole. ``wayland``: what is on it may be hidden, because it belongs to a Wayland session.

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str) -> None:
        self._display = display
        self._connection: mss.MSS | None = None
        self._inside: _Inside | None = None
        try:
            self._connection = mss.MSS(display=display)
            whole, *known = self._connection.monitors
            primary = self._connection.primary_monitor if known else whole
        except FAILURES as error:
            self.close()
            raise unwatchable(display, error) from error
        self.desktop, self.primary, *self.monitors = map(_region, [whole, primary, *(known or [whole])])
        session = os.environ.get("XDG_SESSION_TYPE") == "wayland" and display == os.environ.get("DISPLAY")
        self.wayland = session or str(primary.get("output", "")).startswith("XWAYLAND")

    def shoot(self, region: Region, window: int | None = None) -> bytearray:
        """Return what is in ``region`` now, 4 bytes a pixel (blue, green, red, none), rows from the top.

        ``window``: read from this window's own picture, where ``region`` counts from its corner, not from the screen.

        :raises FAILURES: the connection is lost, the window closed or hidden, or the screen no longer that large
        """
        if self._connection is None:
            raise ScreenShotError("not connected")
        left, top, width, height = region
        if window is None:
            return self._connection.grab((left, top, left + width, top + height)).raw
        if self._inside is None or self._inside.window != window:
            self._leave()
            self._inside = _Inside(self._display, window)
        return self._inside.grab({"left": left, "top": top, "width": width, "height": height})

    def close(self) -> None:
        """Disconnect. May be called twice."""
        # Forgotten before it is closed: mss frees a lost connection each time it is asked to.
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FAILURES):
                connection.close()
        self._leave()

    def _leave(self) -> None:
        inside, self._inside = self._inside, None
        if inside is not None:
            with suppress(*FAILURES):
                inside.close()


class _Inside(MSSImplXShmGetImage):
    """Reads one window where mss reads the root: the same requests, to another drawable."""

    def __init__(self, display: str, window: int) -> None:
        super().__init__(display=display)
        self.window = window
        self.drawable = Window(window)
        try:
            assert self.conn is not None  # noqa: S101  (open since the line above)
            pixel = get_image(self.conn, ImageFormat.ZPixmap, self.drawable, 0, 0, 1, 1, ALL_PLANES)
            self.drawable_depth, self.drawable_visual_id = pixel.depth, pixel.visual
        except BaseException:
            self.close()
            raise


def _region(monitor: Monitor) -> Region:
    return Region(*(int(monitor[field]) for field in Region._fields))


def unwatchable(display: str, error: Exception) -> SourceError:
    """Return what to say of a display that gives no pictures."""
    reason = " ".join(str(error).split()) or "connection lost"
    return SourceError(
        f"display {display} cannot be watched ({reason})",
        remedy=f"check DISPLAY and XAUTHORITY, or start an X server: Xvfb {display}",
    )
