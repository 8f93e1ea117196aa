"""Opens a video file for FFmpeg, which itself opens nothing, and finds the stream that has the picture."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from ngrt.errors import NgrtError, SourceError
from ngrt.resource import Resource
from ngrt.sources.files import open_file, taken_for_video
from ngrt.text import one_line

PIXEL_LIMIT = 8192 * 4608
"""Pixels a frame may have: somewhat more than 8K video has."""

OPENING = 20.0
"""Seconds that a file may take until its first picture is there: a disk that wakes up takes some, a trap for ever."""

FORMATS = (
    *("matroska", "webm", "mov", "mp4", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "kux", "ogg", "asf"),
    *("asf_o", "wtv", "rm", "ivf", "nut", "mxf", "gxf", "dv", "gif", "apng", "yuv4mpegpipe", "dhav", "pva", "ty"),
    *("h261", "h263", "h264", "hevc", "vvc", "evc", "av1", "obu", "apv", "m4v", "vc1", "vc1test", "dirac", "mjpeg"),
    *("cavsvideo", "avs2", "avs3"),
    "hls",
    *("wav", "mp3", "flac", "aac"),  # sound: told apart from what is broken
)
"""What is opened: files that hold their pictures, and playlists (HLS) as far as they name files on disks here."""

OPTIONS = {
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "none",  # the file is open already; FFmpeg itself opens nothing, whatever that says
    "max_pixels": str(PIXEL_LIMIT),
    "max_streams": "200",
}

READING = 20.0
"""Seconds that FFmpeg may look for the next piece of a playlist that is still being written."""

MOST_NAMED = 200
"""Files that a playlist may name before its first picture; one that names itself never ends."""

START = 512
"""Bytes that tell what a file is that is no video."""


@contextmanager
def map_av_errors(failure: Callable[[Exception], NgrtError], *others: type[Exception]) -> Iterator[None]:
    """Raise what ``failure`` makes of the error where FFmpeg fails; ``others``: what PyAV itself raises there."""
    caught: tuple[type[Exception], ...] = (FFmpegError, *others)
    try:
        yield
    except caught as error:
        raise failure(error) from error


class Bounded(Resource):
    """The files of a video: ``path``, and what a playlist names beside it. All are on disks here; no address is opened.

    Reads fail once the time for opening is over, and so does a playlist that names more and more files: FFmpeg may go
    on for ever.

    :raises SourceError: ``path`` cannot be opened
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._open = ExitStack()
        self._file = self._open.enter_context(open_file("video", path))
        self.name = str(path)
        self.seek, self.tell = self._file.seek, self._file.tell
        self._end = time.monotonic() + seconds
        self._opened, self._named = False, 0

    def opened(self) -> None:
        """Let reads take as long as they like from now on."""
        self._opened = True

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes.

        :raises TimeoutError: the time is over
        """
        if not self._opened and time.monotonic() > self._end:
            raise TimeoutError(f"no picture within {OPENING:g} s")
        return self._file.read(size)

    def start(self) -> bytes:
        """Return the first bytes, which tell what a file is."""
        self.seek(0)
        return self._file.read(START)

    def beside(self, url: str, flags: int, options: dict[str, str]) -> BinaryIO:
        """Open a file that a playlist names; FFmpeg closes it.

        :raises OSError: it is no file here, or one too many
        """
        self._named += 1
        if self._named > MOST_NAMED and not self._opened:
            raise OSError(f"more than {MOST_NAMED} files are named before the first picture")
        try:
            return open_file("part", Path(url.removeprefix("file:")))
        except SourceError as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._open.close()


def open_container(file: Bounded, path: Path) -> InputContainer:
    """Return the video in ``file``, which is called ``path``.

    :raises SourceError: it is not one
    """

    def unreadable(error: Exception) -> SourceError:
        known = taken_for_video(file.start())
        called, remedy = known or (said(error), "give a whole video file, such as mp4 or mkv")
        return SourceError(f"video {path} cannot be read ({called})", remedy=remedy)

    with map_av_errors(unreadable, OSError, ValueError):
        return av.open(
            file, "r", options=OPTIONS, metadata_errors="replace", timeout=(OPENING, READING), io_open=file.beside
        )


def said(error: Exception) -> str:
    """Return what FFmpeg says of an error."""
    return getattr(error, "strerror", None) or one_line(error)


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream that has the picture: not a cover, the largest of several.

    :raises SourceError: there is none, or none that can be decoded
    """
    streams = container.streams.video
    if not streams:
        raise SourceError(f"video {path} has no video stream", remedy="give a file with a picture")
    moving = [stream for stream in streams if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise SourceError(f"video {path} has a cover, but no video stream", remedy="give a file with a moving picture")
    known = [stream for stream in moving if stream.codec_context is not None]
    if not known:
        raise SourceError(
            f"video {path} is coded in a way that FFmpeg does not know here",
            remedy="convert it to H.264, as mp4 or mkv",
        )
    best = max(  # a camera keeps one small still beside its recording, an editor a large one
        known, key=lambda stream: (stream.frames != 1, stream.codec_context.width * stream.codec_context.height)
    )
    check_size(best.codec_context.width, best.codec_context.height, path)
    best.codec_context.options = {"max_pixels": str(PIXEL_LIMIT)}  # also for what grows on the way
    return best


def check_size(width: int, height: int, path: Path) -> None:
    """Refuse pictures that have none or too many pixels.

    :raises SourceError: that is so
    """
    if not 0 < width * height <= PIXEL_LIMIT:
        raise SourceError(
            f"video {path} has frames of {width} x {height}",
            value=(width, height),
            limit=f"it must be 1 to {PIXEL_LIMIT} pixels",
            remedy="scale it down",
        )
