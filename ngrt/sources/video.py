"""A video file that plays as if it were the screen (PyAV)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ngrt.errors import NgrtError, SourceError
from ngrt.interfaces import EndOfSource
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.text import one_line

DEFAULT_RATE = 30.0
"""Frames a second where the file does not say."""

RATE_LIMITS = (1.0, 240.0)
"""A file may claim any rate; to grab less often than once a second would hide frames, more often finds none."""

PIXEL_LIMIT = 8192 * 8192
"""Pixels a frame may have: 8K video has half as many."""

CATCH_UP = 0.25
"""Seconds that one grab may spend on decoding: a video that cannot be decoded in real time plays slower."""

PATIENCE = 1.0
"""Seconds that closing waits for a frame that is being decoded."""

EARLY = 0.001
"""Seconds before its time at which a frame counts as shown: a grab that comes a hair early must not miss it."""

Timed = tuple[float, VideoFrame | None]
"""Seconds since the first frame, and the frame shown from then on: None at the end."""

END: Timed = (0.0, None)


@contextmanager
def map_av_errors(failure: Callable[[Exception], NgrtError], *others: type[Exception]) -> Iterator[None]:
    """Raise what ``failure`` makes of the error where FFmpeg fails; ``others``: what PyAV itself raises there."""
    caught: tuple[type[Exception], ...] = (FFmpegError, *others)
    try:
        yield
    except caught as error:
        raise failure(error) from error


class VideoSource(Resource):
    """Plays ``path`` at its own frame rate, once. Its clock starts with the first `grab`.

    :raises SourceError: there is no such file, or it has no picture that can be decoded
    """

    def __init__(self, path: Path) -> None:
        self.age = 0.0
        self.name = f"video {path.name}"
        self._path = path
        self._container = _open(path)
        with ExitStack() as undo:
            undo.callback(self._container.close)
            stream = _video_stream(self._container, path)
            self.interval = 1 / _rate(stream)
            self._frames = _timed(self._container, stream, self.interval, path)
            self._next = next(self._frames, END)
            if self._next[1] is None:
                raise SourceError(f"video {path} has no frames", remedy="record it again")
            self._to_rgb(self._next[1])  # a picture that cannot be shown is found now, not in play
            undo.pop_all()
        self._began: float | None = None
        self._lock = threading.Lock()
        self._closed = False

    def grab(self, now: float) -> Image | None:
        """Return the newest frame due at ``now``, (height, width, 3) uint8 RGB, or None where it was returned before.

        :raises EndOfSource: the last frame's time is over
        :raises SourceError: the file is damaged at this place
        """
        with self._lock:
            if self._closed:
                raise EndOfSource
            newest = self._newest(now)
            return None if newest is None else self._to_rgb(newest)

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
            self._container.close()
            self._lock.release()

    def _to_rgb(self, frame: VideoFrame) -> Image:
        def unshown(error: Exception) -> SourceError:
            return SourceError(
                f"video {self._path} has pictures in {frame.format.name}, which cannot be shown as RGB",
                remedy="convert it",
            )

        with map_av_errors(unshown, ValueError):
            image = frame.to_ndarray(format="rgb24")
        if turns := round(frame.rotation / 90) % 4:  # telephones record sideways and note it
            image = np.rot90(image, turns)
        return np.ascontiguousarray(image, np.uint8)


def _open(path: Path) -> InputContainer:
    if not path.is_file():
        raise SourceError(f"video {path} is not a file", remedy="check the path")

    def unreadable(error: Exception) -> SourceError:
        return SourceError(
            f"video {path} cannot be read ({_said(error)})", remedy="give a whole video file, such as mp4 or mkv"
        )

    with map_av_errors(unreadable, OSError):
        return av.open(path)


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or one_line(error)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise SourceError(f"video {path} has no video stream", remedy="give a file with a picture")
    stream = container.streams.video[0]
    _check_size(stream.codec_context.width, stream.codec_context.height, path)
    return stream


def _check_size(width: int, height: int, path: Path) -> None:
    if not 0 < width * height <= PIXEL_LIMIT:
        raise SourceError(
            f"video {path} has frames of {width} x {height}",
            value=(width, height),
            limit=f"it must be 1 to {PIXEL_LIMIT} pixels",
        )


def _rate(stream: VideoStream) -> float:
    low, high = RATE_LIMITS
    return min(max(float(stream.average_rate or stream.guessed_rate or DEFAULT_RATE), low), high)


def _timed(container: InputContainer, stream: VideoStream, interval: float, path: Path) -> Iterator[Timed]:
    """Decode forward; yield each frame with the time it is due, then the end with its time."""
    due, last = 0.0, None

    def damaged(error: Exception) -> SourceError:
        return SourceError(
            f"video {path} is damaged {due:.1f} s after its start ({_said(error)})",
            remedy="make it again or cut it there",
        )

    with map_av_errors(damaged):
        for frame in container.decode(stream):
            _check_size(frame.width, frame.height, path)
            at = _seconds(frame.pts, frame)
            if last is not None:
                step = None if at is None or last[0] is None else at - last[0]
                # Times that are missing or run backward (recordings joined together) count as one frame's step.
                due += step if step is not None and step > 0 else interval
            last = (at, frame)
            yield due, frame
    if last is not None:
        yield due + (_seconds(last[1].duration, last[1]) or interval), None


def _seconds(ticks: int | None, frame: VideoFrame) -> float | None:
    return None if ticks is None or frame.time_base is None else float(ticks * frame.time_base)
