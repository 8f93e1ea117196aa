"""From a captured frame to what the graphs take. The rest (scaling to [-1, 1]) happens inside the graph."""

from collections.abc import Sequence
from concurrent.futures import Executor

import cv2
import numpy as np
import numpy.typing as npt

from ngrt.errors import ObservationError
from ngrt.messages import Image

CAPTURE_SIDE = 256
"""Every frame is first shrunk to this side by area averaging, as NitroGen was trained."""


def check_frame(image: object) -> Image:
    """Return ``image`` if it is a (height, width, 3) uint8 RGB array.

    :raises ObservationError: it is anything else
    """
    if not isinstance(image, np.ndarray):
        raise ObservationError(f"frame is {type(image).__name__}; it must be a numpy array (height, width, 3) of uint8")
    if image.dtype != np.uint8:
        raise ObservationError(f"frame has dtype {image.dtype}; it must be uint8 with values 0 to 255")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ObservationError(f"frame has shape {image.shape}; it must be (height, width, 3), RGB")
    return image


def shrink(image: Image, helper: Executor | None = None) -> Image:
    """Return ``image`` as (256, 256, 3), by area averaging; the same array where it has that size already.

    With ``helper`` the lower half of a large picture is shrunk there meanwhile. Half of 256 rows covers exactly half of
    an even height, so the result is the same to the bit.
    """
    height, width, _ = image.shape
    if height == width == CAPTURE_SIDE:
        return image
    small = np.empty((CAPTURE_SIDE, CAPTURE_SIDE, 3), np.uint8)
    if helper is None or height % 2 or min(height, width) <= CAPTURE_SIDE:
        _average(image, small)
        return small
    lower = helper.submit(_average, image[height // 2 :], small[CAPTURE_SIDE // 2 :])
    _average(image[: height // 2], small[: CAPTURE_SIDE // 2])
    lower.result()
    return small


def _average(image: Image, into: Image) -> None:
    cv2.resize(image, into.shape[1::-1], into, interpolation=cv2.INTER_AREA)


def to_side(image: Image, side: int) -> Image:
    """Return a shrunk frame as (side, side, 3), bilinearly: for vision towers of another size than 256."""
    if image.shape[:2] == (side, side):
        return image
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def observation(frames: Sequence[Image], side: int) -> npt.NDArray[np.uint8]:
    """Return ``frames``, oldest first, as the (1, F, side, side, 3) uint8 input of the observe graph."""
    return np.stack([to_side(shrink(check_frame(frame)), side) for frame in frames])[None]
