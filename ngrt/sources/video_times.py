"""When each frame of a video is due, whatever its time stamps say."""

from collections.abc import Iterator
from pathlib import Path

from av.container import InputContainer
from av.error import InvalidDataError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ngrt.errors import SourceError
from ngrt.sources.video_file import check_size, map_av_errors, said

DEFAULT_RATE = 30.0
"""Frames a second where the file does not say."""

RATE_LIMITS = (1.0, 240.0)
"""A file may claim any rate; to grab less often than once a second would hide frames, more often finds none."""

LEAP = 10.0
"""Seconds between two frames that are taken for a fault of the clock, not for a still picture; FFmpeg's own limit."""

SLOWEST = 60.0
"""Seconds a frame may last in a video that says that its frames are that slow, such as a show of slides."""

Timed = tuple[float, VideoFrame | None]
"""Seconds since the first frame, and the frame shown from then on: None at the end."""

END: Timed = (0.0, None)


class Times:
    """The frames of ``stream``, each with the time it is due; ``leaps``: seconds that were left out so far."""

    def __init__(self, container: InputContainer, stream: VideoStream, path: Path) -> None:
        self.leaps = 0.0
        self.interval = 1 / _rate(stream)
        self._container, self._stream, self._path = container, stream, path
        said_rate = min(float(stream.average_rate or 0), float(stream.guessed_rate or 0))
        self._longest = max(LEAP, min(2 / said_rate, SLOWEST) if said_rate > 0 else 0.0)

    def frames(self) -> Iterator[Timed]:
        """Decode forward; yield each frame with the time it is due, then the end with its time.

        :raises SourceError: the file is damaged at this place
        """
        due, last = 0.0, None

        def damaged(error: Exception) -> SourceError:
            return SourceError(
                f"video {self._path} is damaged {due:.1f} s after its start ({said(error)})",
                remedy="make it again or cut it there",
            )

        with map_av_errors(damaged, OSError):
            for frame in _decoded(self._container, self._stream):
                check_size(frame.width, frame.height, self._path)
                at = _seconds(frame.pts, frame)
                if last is not None:
                    due += self._step(None if at is None or last[0] is None else at - last[0])
                last = (at, frame)
                yield due, frame
        if last is not None:
            yield due + self._step(_seconds(last[1].duration, last[1])), None

    def _step(self, step: float | None) -> float:
        """Return for how long a frame is shown whose time stamps say ``step`` seconds."""
        if step is not None and step > self._longest:  # a live recording after an advert, a computer that slept
            self.leaps += step - self.interval
            return self.interval
        # Times that are missing or run backward (recordings joined together) count as one frame's step.
        return step if step is not None and step > 0 else self.interval


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode ``stream``; what comes before the first whole picture, where a broadcast was joined, is passed over."""
    began = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except InvalidDataError:
            if began or _is_whole(packet):
                raise
            continue
        began = began or packet.is_keyframe
        for frame in frames:
            began = True
            yield frame


def _is_whole(packet: "Packet[VideoStream]") -> bool:
    return packet.is_keyframe or packet.size == 0  # the last, empty one ends the decoder


def _rate(stream: VideoStream) -> float:
    low, high = RATE_LIMITS
    rate = float(stream.average_rate or stream.guessed_rate or DEFAULT_RATE)
    if rate < low:  # of a clock that leapt, mostly: the average is over hours
        rate = float(stream.guessed_rate or rate)
    return min(max(rate, low), high)


def _seconds(ticks: int | None, frame: VideoFrame) -> float | None:
    return None if ticks is None or frame.time_base is None else float(ticks * frame.time_base)
