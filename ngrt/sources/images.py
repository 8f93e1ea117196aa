"""Still images, one after another for ever."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ngrt.errors import SourceError
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.text import one_line

PIXEL_LIMIT = 256 * 2**20
"""Pixels that all images together may have; they are kept in memory, three bytes each."""

FILE_LIMIT = 512 * 2**20
"""Bytes of one image file."""


def read_image(path: Path) -> Image:
    """Return the image in ``path`` as (height, width, 3) uint8 RGB; grey, 16 bit and transparent ones are converted.

    :raises SourceError: there is no such file, it is too large, or it cannot be decoded
    """
    if not path.is_file():
        raise SourceError(f"image {path} is not a file", remedy="check the path")
    if (size := path.stat().st_size) > FILE_LIMIT:
        raise SourceError(
            f"image {path} has {size} bytes", value=size, limit=f"the limit is {FILE_LIMIT}", remedy="scale it down"
        )
    try:
        # Reading the file here lets any name work on any system; OpenCV's own reader does not take them all.
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (cv2.error, OSError) as error:
        raise SourceError(
            f"image {path} cannot be read ({one_line(error)})", remedy="save it again as PNG or JPEG"
        ) from error
    if image is None:
        raise SourceError(f"image {path} is not a picture that can be decoded", remedy="save it again as PNG or JPEG")
    if image.shape[0] * image.shape[1] > PIXEL_LIMIT:
        height, width = image.shape[:2]
        raise SourceError(
            f"image {path} is {width} x {height}",
            value=(width, height),
            limit=f"the limit is {PIXEL_LIMIT} pixels",
            remedy="scale it down",
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


class ImageSource(Resource):
    """Shows each of ``paths`` for ``seconds_each``, then starts again; a single image is held.

    :raises SourceError: an image cannot be read, or together they are too large
    """

    def __init__(self, paths: Sequence[Path], seconds_each: float = 1.0) -> None:
        if not paths:
            raise SourceError("no image was given", remedy="name at least one")
        self.age = 0.0
        self.name = f"image {paths[0].name}" if len(paths) == 1 else f"{len(paths)} images"
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
