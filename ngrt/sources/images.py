"""Still images, one after another for ever."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError

from ngrt.deadline import Late, within
from ngrt.errors import SourceError
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources.files import open_file
from ngrt.text import one_line, printable

PIXEL_LIMIT = 256 * 2**20
"""Pixels that all images together may have; they are kept in memory, three bytes each."""

LARGEST = 64 * 2**20
"""Pixels of one image: twice as many as 8K has. More are not decoded."""

FILE_LIMIT = 512 * 2**20
"""Bytes of one image file."""

MOST = 10_000
"""Images at once."""

SILENT = 0
"""OpenCV's level of logging at which nothing is printed."""

PATIENCE = 20.0
"""Seconds that decoding one image may take: a picture can be made of thousands of layers."""

FORMATS = (
    *("png_pipe", "jpeg_pipe", "mjpeg", "bmp_pipe", "tiff_pipe", "webp_pipe", "webp", "gif", "gif_pipe", "apng"),
    *("pbm_pipe", "pgm_pipe", "pgmyuv_pipe", "ppm_pipe", "pam_pipe", "pfm_pipe", "j2k_pipe", "sunrast_pipe"),
    *("hdr_pipe", "mov"),  # AVIF is among the latter
)
"""FFmpeg's names of what OpenCV can decode."""

OPTIONS = {
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "none",
    "max_pixels": str(LARGEST),
    "skip_frame": "all",  # the size is in the header
}


def read_image(path: Path) -> Image:
    """Return the image in ``path`` as (height, width, 3) uint8 RGB; grey, 16 bit and transparent ones are converted.

    :raises SourceError: there is no such file, it is too large, or it cannot be decoded
    """
    with open_file("image", path) as file:
        if (size := path.stat().st_size) > FILE_LIMIT:
            raise SourceError(
                f"image {path} has {size} bytes", value=size, limit=f"the limit is {FILE_LIMIT}", remedy="scale it down"
            )
        try:
            # Reading the file here lets any name work on any system; OpenCV's own reader does not take them all.
            data = file.read(FILE_LIMIT)
        except OSError as error:
            raise _unreadable(path, error) from error
    try:
        return within(PATIENCE, lambda: _decoded(data, path), name="ngrt-image")
    except Late:
        raise SourceError(
            f"image {path} takes longer than {PATIENCE:g} s to decode", remedy="save it again as PNG or JPEG"
        ) from None


def _decoded(data: bytes, path: Path) -> Image:
    width, height = _size(data)
    if width * height > min(LARGEST, PIXEL_LIMIT):
        raise SourceError(
            f"image {path} is {width} x {height}",
            value=(width, height),
            limit=f"the limit is {min(LARGEST, PIXEL_LIMIT)} pixels",
            remedy="scale it down",
        )
    try:
        with _silence():
            found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if width * height else None
    except cv2.error as error:
        raise _unreadable(path, error) from error
    if found is None:
        raise SourceError(
            f"image {path} is not a picture that can be decoded",
            remedy=f"save it again as PNG or JPEG, of at most {LARGEST} pixels",
        )
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB, found), np.uint8)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep OpenCV from printing what is wrong with a picture, which whoever asked is told anyway."""
    log: Any = getattr(cv2.utils, "logging", cv2)  # where OpenCV 4.11 has it
    level = log.getLogLevel()
    log.setLogLevel(SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def _size(data: bytes) -> tuple[int, int]:
    """Return the width and height that a picture's header says; (0, 0) for none, or for more than `LARGEST` pixels.

    OpenCV tells the size only once it has decoded everything, however much that is; FFmpeg tells it before.
    """
    try:
        with av.open(io.BytesIO(data), "r", options=OPTIONS, metadata_errors="replace") as picture:
            sizes = [
                (stream.codec_context.width, stream.codec_context.height)
                for stream in picture.streams.video
                if stream.codec_context is not None
            ]
    except (FFmpegError, OSError, ValueError):
        return 0, 0
    return max(sizes, default=(0, 0), key=lambda size: size[0] * size[1])


def _unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(f"image {path} cannot be read ({one_line(error)})", remedy="save it again as PNG or JPEG")


class ImageSource(Resource):
    """Shows each of ``paths`` for ``seconds_each``, then starts again; a single image is held.

    :raises SourceError: an image cannot be read, or together they are too large
    """

    def __init__(self, paths: Sequence[Path], seconds_each: float = 1.0) -> None:
        if not paths:
            raise SourceError("no image was given", remedy="name at least one")
        if len(paths) > MOST:
            raise SourceError(
                f"{len(paths)} images were given",
                value=len(paths),
                limit=f"the limit is {MOST}",
                remedy="give fewer, or make a video of them",
            )
        self.age = 0.0
        self.name = f"image {printable(paths[0].name)}" if len(paths) == 1 else f"{len(paths)} images"
        self.interval = seconds_each
        self._images: list[Image] = []
        pixels = 0
        for path in paths:
            self._images.append(read_image(path))
            pixels += self._images[-1].size // 3
            if pixels > PIXEL_LIMIT:
                raise SourceError(
                    f"the first {len(self._images)} of {len(paths)} images have {pixels} pixels",
                    value=pixels,
                    limit=f"the limit is {PIXEL_LIMIT} in all",
                    remedy="give fewer, or scale them down",
                )
        self._began: float | None = None
        self._shown = -1

    def grab(self, now: float) -> Image | None:
        """Return the image whose turn it is at ``now``, or None where it was returned before."""
        if self._began is None:
            self._began = now
        # rounded up by a hair, so that a grab right on the change gets the new image
        turn = int((now - self._began) / self.interval + 1e-6) % len(self._images)
        if turn == self._shown:
            return None
        self._shown = turn
        return self._images[turn]

    def close(self) -> None:
        """Nothing is held open."""
