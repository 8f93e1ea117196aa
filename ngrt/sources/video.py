"""A video file that plays as if it were the screen (PyAV)."""

import threading
import time
import weakref
from contextlib import ExitStack
from pathlib import Path

from av.video.frame import VideoFrame

from ngrt.deadline import Late, within
from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources.video_colours import Colours
from ngrt.sources.video_file import OPENING, Bounded, open_container, picture_stream
from ngrt.sources.video_times import END, Timed, Times
from ngrt.text import printable

CATCH_UP = 0.25
"""Seconds that one grab may spend on decoding: a video that cannot be decoded in real time plays slower."""

PATIENCE = 1.0
"""Seconds that closing waits for a frame that is being decoded."""

EARLY = 0.001
"""Seconds before its time at which a frame counts as shown: a grab that comes a hair early must not miss it."""


class VideoSource(Resource):
    """Plays ``path`` at its own frame rate, once. Its clock starts with the first `grab`.

    Only files are opened, whatever it is called and whatever it names.

    :raises SourceError: there is no such file, it has no picture that can be decoded, or none within `OPENING` seconds
    """

    def __init__(self, path: Path) -> None:
        self.age = 0.0
        self._path = path
        self._colours = Colours(path)
        self._open: ExitStack  # what closing closes
        self._times: Times
        self._next: Timed
        self._lock = threading.Lock()
        self._closed = False
        self._began: float | None = None
        try:
            within(OPENING + 1, self._open_first, name="ngrt-video", late=lambda _: self.close())
        except Late:
            raise SourceError(
                f"video {path} has shown no picture for {OPENING:g} s",
                remedy="convert it, or copy it to a disk here",
            ) from None
        self.interval = self._times.interval

    @property
    def name(self) -> str:
        """Which video, that its HDR is toned down, and for how long its clock was wrong."""
        hdr = " (HDR, shown as SDR)" if self._colours.hdr else ""
        leaps = f" ({self._times.leaps:.0f} s without pictures left out)" if self._times.leaps else ""
        return f"video {printable(self._path.name)}{hdr}{leaps}"

    def _open_first(self) -> None:
        """Open the file and decode its first picture: one that cannot be shown is found now, not in play."""
        with ExitStack() as undo:
            file = undo.enter_context(Bounded(self._path, OPENING))
            container = open_container(file, self._path)
            undo.callback(container.close)
            self._times = Times(container, picture_stream(container, self._path), self._path)
            self._frames = self._times.frames()
            self._next = next(self._frames, END)
            if self._next[1] is None:
                raise SourceError(f"video {self._path} has no frames", remedy="record it again")
            self._colours.picture(self._next[1])
            file.opened()
            self._open = undo.pop_all()
        # One that nobody closes lets go of its file when it is gone; not as the program ends, where it may be in use.
        weakref.finalize(self, self._open.close).atexit = False

    def grab(self, now: float) -> Image | None:
        """Return the newest frame due at ``now``, (height, width, 3) uint8 RGB, or None where it was returned before.

        :raises EndOfSource: the last frame's time is over
        :raises SourceError: the file is damaged at this place
        """
        with self._lock:
            if self._closed:
                raise EndOfSource
            newest = self._newest(now)
            return None if newest is None else self._colours.picture(newest)

    def _newest(self, now: float) -> VideoFrame | None:
        if self._began is None:
            self._began = now
        position = now - self._began + EARLY
        newest, enough = None, time.perf_counter() + CATCH_UP
        while self._next[0] <= position:
            newest = self._next[1]
            if newest is None:
                raise EndOfSource
            self._next = END  # holds if decoding fails
            self._next = next(self._frames, END)
            if time.perf_counter() > enough:
                break
        return newest

    def close(self) -> None:
        """Close the file; a later `grab` finds the end. One in progress is waited for, but not for ever."""
        self._closed = True
        if self._lock.acquire(timeout=PATIENCE):  # a file must not be closed while a frame of it is decoded
            self._next = END
            self._open.close()
            self._lock.release()
