"""One display captured by dxcam, in dxcam's own thread.

Has not been run on Windows: what is used of dxcam is checked against its own source, its quirks by a stand-in.

dxcam can be asked for one picture at a time or fill a ring from a thread of its own. The ring it is here: asking waits
for as long as a display that is lost takes to come back, and does not say when a picture was shown. The thread finds
displays again by itself after a change of mode; reading the ring never waits, and its newest picture has its time.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import numpy as np

from ngrt.deadline import within
from ngrt.errors import SourceError
from ngrt.interfaces import CaptureKind, NothingToSee
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources.dxcam_displays import INSTALL, Display, Region, map_dxcam_errors
from ngrt.text import one_line

Way = Literal["dxgi", "winrt"]

WAYS: dict[CaptureKind, tuple[Way, ...]] = {"auto": ("dxgi", "winrt"), "dxgi": ("dxgi",), "winrt": ("winrt",)}
"""What is tried, in this order. Both show the monitor, and so whatever is in front."""

RING = 2
"""Pictures that dxcam keeps, its fewest: only the newest is read."""

FIRST = 1.0
"""Seconds until the first picture: both ways give one at once, also where nothing moves."""

PATIENCE = 1.0
"""Seconds that closing waits for dxcam's thread; while a display is away it sleeps for up to 5 s."""

HELD = ("duplicator", "_session")
"""What holds a display, by DXGI and by Windows Graphics Capture: None after dxcam has let go of it."""

POLL = 0.002
"""Seconds between two polls for it."""


class DxcamCamera(Resource):
    """Captures ``region`` of ``display``, all of it where that is None, ``rate`` times a second.

    A new region needs a new camera: dxcam gives a picture at once only to a new one, and to one that was stopped and
    started again not before something moves on the display.

    :raises SourceError: it cannot be captured, or is already
    """

    def __init__(self, dxcam: Any, display: Display, region: Region | None, rate: float, kind: CaptureKind) -> None:
        self.display, self.region = display, region
        self.age = 0.0
        self._seen: int | None = None
        self._last: Image | None = None
        failures: list[SourceError] = []
        for way in WAYS[kind]:
            try:
                self._camera = _open(dxcam, display, region, rate, way)
                self.way = way
                return
            except SourceError as error:
                failures.append(error)
        *before, last = failures
        raise SourceError("; ".join([*map(str, before), last.problem]), remedy=last.remedy) from last

    def picture(self) -> Image | None:
        """Return the newest picture, (height, width, 3) uint8 RGB, or None where it is the one returned last.

        Never waits.

        :raises NothingToSee: the display is away, and dxcam searches for it
        :raises SourceError: it is lost, and dxcam has given up
        """
        if not self._camera.is_capturing:  # asked now, it would capture here, and wait
            raise SourceError(
                f"{self.display.name} is lost: its capture has ended", remedy="see whether the monitor is on"
            )
        if self._away():  # the last picture is no longer what is shown, though nothing newer comes
            self._seen = self._last = None
            raise NothingToSee(
                f"{self.display.name} is away: it changes its mode, or Windows shows what no program may see; unlock "
                "the session to play on"
            )
        with map_dxcam_errors(self._lost):
            ticks = self._camera.latest_frame_ticks
            if ticks is None or ticks == self._seen:
                return None
            shown = self._camera.latest_frame_time
            image: Image | None = self._camera.grab()  # may be newer than its time, never older
        if image is None or shown is None:
            return None
        self._seen = ticks
        # both are QueryPerformanceCounter's seconds
        self.age = max(0.0, time.perf_counter() - shown)
        if self._last is not None and np.array_equal(image, self._last):  # the pointer moved, or something beside
            return None
        self._last = image
        return image

    def _lost(self, error: Exception) -> SourceError:
        return SourceError(f"{self.display.name} cannot be captured any more ({one_line(error)})")

    def _away(self) -> bool:
        """Return whether dxcam has let go of the display to search for it; it says so nowhere else."""
        source = self._camera._duplicator
        return any(getattr(source, name, source) is None for name in HELD)

    def close(self) -> None:
        """Let go of the display, without waiting longer than `PATIENCE`. May be called twice."""
        _release(self._camera)


def _open(dxcam: Any, display: Display, region: Region | None, rate: float, way: Way) -> Any:
    """Return a camera that captures and has a first picture.

    :raises SourceError: it cannot
    """
    camera = None
    try:
        with map_dxcam_errors(lambda error: _refusal(error, display, way)):
            with _sigterm_kept():
                camera = dxcam.create(
                    device_idx=display.device,
                    output_idx=display.output,
                    output_color="RGB",
                    max_buffer_len=RING,
                    backend=way,
                    processor_backend="cv2",
                )
            if camera.is_capturing:  # one camera a display: this is somebody else's
                camera = None
                raise SourceError(f"{display.name} is captured already by this program", remedy="close that first")
            camera.start(region=region, target_fps=max(1, round(rate)), video_mode=False)
            _await_first(camera, display, way)
            return camera
    except SourceError:
        if camera is not None:
            _release(camera)
        raise


def _refusal(error: Exception, display: Display, way: Way) -> SourceError:
    if isinstance(error, ModuleNotFoundError):
        return SourceError(f"--capture {way} needs {error.name}", remedy=f"install it with: {INSTALL}")
    return SourceError(
        f"{display.name} cannot be captured by {way} ({one_line(error)})",
        remedy=f"try --capture {_other(way)}, or run ngrt on the graphics adapter that the monitor is plugged into",
    )


def _other(way: Way) -> Way:
    return "winrt" if way == "dxgi" else "dxgi"


def _await_first(camera: Any, display: Display, way: Way) -> None:
    until = time.perf_counter() + FIRST
    while camera.latest_frame_ticks is None:
        if not camera.is_capturing or time.perf_counter() > until:
            raise SourceError(
                f"{display.name} has shown nothing to {way} for {FIRST:g} s",
                remedy=f"unlock the session, or try --capture {_other(way)}",
            )
        time.sleep(POLL)


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Put back what a SIGTERM does: dxcam takes it over with its first camera, from the main thread."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        ours = threading.current_thread() is threading.main_thread() and before is not None
        if ours and signal.getsignal(signal.SIGTERM) is not before:
            signal.signal(signal.SIGTERM, before)


def _release(camera: Any) -> None:
    """Release ``camera`` without waiting for long: it waits up to 10 s for dxcam's thread, which may wait itself."""
    with suppress(Exception):  # it takes longer, or its thread has not ended; dxcam makes a new camera all the same
        within(PATIENCE, camera.release, name="ngrt-release")
