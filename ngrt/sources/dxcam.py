"""A Windows screen: one monitor, or one window (dxcam, by DXGI or Windows Graphics Capture).

Has not been run on Windows: what is used of dxcam is checked against its own source, its quirks by a stand-in.

Both ways capture a monitor, and a window is a part of it: a window that is behind another shows that other.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from ngrt.desktop.following import Following
from ngrt.errors import SourceError
from ngrt.interfaces import CaptureKind, Desktop, EndOfSource, NothingToSee, Window
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources.dxcam_camera import DxcamCamera
from ngrt.sources.dxcam_displays import display_number, displays, load_dxcam, showing_most_of


class DxcamScreen(Resource):
    """Watches a monitor, counted from 0; None: the primary one. ``rate``: pictures a second that are wanted.

    A change of the display's mode is followed by dxcam itself. ``age`` is counted from when the picture was presented.

    :raises SourceError: there is no such monitor, or it cannot be captured
    """

    def __init__(self, monitor: int | None = None, rate: float = 60.0, kind: CaptureKind = "auto") -> None:
        self.interval = 1 / rate
        self._closed = False
        dxcam = load_dxcam()
        self._camera = DxcamCamera(dxcam, display_number(displays(dxcam), monitor), None, rate, kind)
        self.name = f"monitor {self._camera.display.name} by {self._camera.way}"

    @property
    def age(self) -> float:
        """Seconds for which the picture returned last had been shown."""
        return self._camera.age

    def grab(self, now: float) -> Image | None:
        """Return the monitor's picture, (height, width, 3) uint8 RGB, or None where it has not changed.

        :raises EndOfSource: after `close`
        :raises NothingToSee: the display is away
        :raises SourceError: it is lost
        """
        if self._closed:
            raise EndOfSource
        try:
            return self._camera.picture()
        except SourceError:
            if self._closed:  # from another thread, meanwhile
                raise EndOfSource from None
            raise

    def close(self) -> None:
        """Let go of the display; a later `grab` finds the end."""
        self._closed = True
        self._camera.close()


class DxcamWindow(Resource):
    """Watches what is on the screen where ``window`` draws: on the display that shows most of it, wherever it is moved.

    For ``find_again`` and ``ends`` see `ngrt.sources.open.open_window`, for the rest `DxcamScreen`. A window that
    was moved needs a new camera, which takes about 0.1 s.

    :raises SourceError: it cannot be captured
    """

    def __init__(
        self,
        desktop: Desktop,
        window: Window,
        find_again: Callable[[], Window | None],
        ends: bool,
        rate: float = 60.0,
        kind: CaptureKind = "auto",
    ) -> None:
        self.interval = 1 / rate
        self.age = 0.0
        self._rate, self._kind = rate, kind
        self._lock = threading.Lock()
        self._closed = False
        self._camera: DxcamCamera | None = None
        self._dxcam = load_dxcam()
        self._game = Following(desktop, window, find_again, ends)
        with suppress(NothingToSee):  # it may be brought back
            self._aim()  # what cannot be captured is told now

    @property
    def name(self) -> str:
        """Which window."""
        return self._game.label

    @property
    def number(self) -> int | None:
        """The window's number, None while it is closed."""
        return self._game.number

    def grab(self, now: float) -> Image | None:
        """Return what the window shows, (height, width, 3) uint8 RGB, or None where it has not changed.

        :raises EndOfSource: after `close`, or where the window is closed and that is the end
        :raises NothingToSee: the window is minimised, closed, or outside the screen, or the display is away
        :raises SourceError: the display or the desktop is gone
        """
        if self._closed:
            raise EndOfSource
        try:
            if self._game.due(now):
                self._game.ask(now)
                self._aim()
            elif self._camera is None:
                self._aim()
            return self._picture()
        except SourceError:
            if self._closed:  # from another thread, meanwhile
                raise EndOfSource from None
            raise

    def close(self) -> None:
        """Let go of display and desktop; a later `grab` finds the end."""
        with self._lock:
            self._closed = True
            self._drop()
        self._game.close()

    def _picture(self) -> Image | None:
        camera = self._camera
        if camera is None:
            raise EndOfSource
        image = camera.picture()
        self.age = camera.age
        return image

    def _aim(self) -> None:
        """Capture where the window is now.

        :raises NothingToSee: nowhere
        """
        try:
            window = self._game.window()
            place = showing_most_of(displays(self._dxcam), window)
            if place is None:
                raise NothingToSee(f"{self._game.label} is outside the screen; move it back to play on")
        except (NothingToSee, EndOfSource):
            with self._lock:
                self._drop()
            raise
        camera, (display, region) = self._camera, place
        if camera is not None and (camera.display, camera.region) == (display, region):
            return
        with self._lock:
            self._drop()
            if not self._closed:
                self._camera = DxcamCamera(self._dxcam, display, region, self._rate, self._kind)

    def _drop(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
