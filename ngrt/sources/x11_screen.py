"""Pictures of an X11 display: mss, through XCB and shared memory.

XCB, unlike Xlib, does not end the process when the display goes away, and does not mind which thread calls.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import mss
from mss.exception import ScreenShotError
from mss.linux.base import ALL_PLANES
from mss.linux.xcbgen import ImageFormat, Window, get_image
from mss.linux.xshmgetimage import MSSImplXShmGetImage
from mss.models import Monitor

from ngrt.errors import NgrtError, SourceError
from ngrt.resource import Resource
from ngrt.sources.region import Region

FAILURES = (ScreenShotError, AssertionError, ValueError, OSError)
"""What mss raises: a lost connection fails its assertions, or reads a null pointer where those are switched off."""


PIXEL = 4
"""Bytes: blue, green, red, none."""

UNREAD = re.compile("^(Only|Screens with) |drawable's (depth|visual)")
"""How mss says that it does not know a screen's pixels."""

DEPTH = re.compile(r"color depth .* not (\d+)$")


@contextmanager
def map_mss_errors(failure: Callable[[Exception], NgrtError]) -> Iterator[None]:
    """Raise what ``failure`` makes of the error where mss gives no picture."""
    try:
        yield
    except FAILURES as error:
        raise failure(error) from error


class Screen(Resource):
    """A connection to ``display``.

    ``desktop``: all of it; ``monitors``: each of them; ``primary``: one of these. A server without RandR knows only the
    whole. ``wayland``: what is on it may be hidden, because it belongs to a Wayland session.

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str) -> None:
        self._display = display
        self._connection: mss.MSS | None = None
        self._window: _WindowReader | None = None
        try:
            with map_mss_errors(self._gone):
                self._connection = mss.MSS(display=display)
                whole, *known = self._connection.monitors
                primary = self._connection.primary_monitor if known else whole
        except SourceError:
            self.close()
            raise
        self.desktop, self.primary, *self.monitors = map(_region, [whole, primary, *(known or [whole])])
        session = os.environ.get("XDG_SESSION_TYPE") == "wayland" and display == os.environ.get("DISPLAY")
        self.wayland = session or str(primary.get("output", "")).startswith("XWAYLAND")

    def shoot(self, region: Region, window: int | None = None) -> bytearray:
        """Return what is in ``region`` now, `PIXEL` bytes a pixel, rows from the top.

        ``window``: read from this window's own picture, where ``region`` counts from its corner, not from the screen.

        :raises SourceError: the connection is lost, the window closed or hidden, or the screen no longer that large
        """
        with map_mss_errors(self._gone):
            shot = self._screen_in(region) if window is None else self._reader_of(window).grab(region._asdict())
            if len(shot) != PIXEL * region.area:
                raise ScreenShotError(f"{len(shot)} bytes for {region.width} x {region.height}")
            return shot

    def _screen_in(self, region: Region) -> bytearray:
        if self._connection is None:
            raise ScreenShotError("not connected")
        left, top, width, height = region
        return self._connection.grab((left, top, left + width, top + height)).raw

    def _reader_of(self, window: int) -> "_WindowReader":
        if self._connection is None:
            raise ScreenShotError("not connected")
        if self._window is None or self._window.number != window:
            self._close_window()
            self._window = _WindowReader(self._display, window)
        return self._window

    def _gone(self, error: Exception) -> SourceError:
        return unwatchable(self._display, error)

    def close(self) -> None:
        """Disconnect. May be called twice."""
        # Forgotten before it is closed: mss frees a lost connection each time it is asked to.
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FAILURES):
                connection.close()
        self._close_window()

    def _close_window(self) -> None:
        window, self._window = self._window, None
        if window is not None:
            with suppress(*FAILURES):
                window.close()


class _WindowReader(MSSImplXShmGetImage):
    """Reads one window where mss reads the root: the same requests, to another drawable."""

    def __init__(self, display: str, number: int) -> None:
        super().__init__(display=display)
        self.number = number
        self.drawable = Window(number)
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
    if UNREAD.search(reason):
        depth = DEPTH.search(reason)
        return SourceError(
            f"display {display} has {depth[1]} bits a pixel"
            if depth
            else f"display {display} has odd pixels ({reason})",
            value=int(depth[1]) if depth else reason,
            limit="pictures are taken of screens with 24",
            remedy=f"start its X server with depth 24, such as Xvfb {display} -screen 0 1280x720x24, or Xorg with "
            "DefaultDepth 24",
        )
    return SourceError(
        f"display {display} cannot be watched ({reason})",
        remedy=f"check DISPLAY and XAUTHORITY, or start an X server: Xvfb {display}",
    )
