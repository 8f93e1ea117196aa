"""From a captured frame to the graphs' input. Scaling to [-1, 1] happens inside the graph."""

from collections.abc import Sequence
from concurrent.futures import Executor

import cv2
import numpy as np
import numpy.typing as npt

from ngrt.errors import ObservationError
from ngrt.messages import Image
from ngrt.processor import usable_cores

if cv2.getNumThreads() > (_cores := usable_cores()):  # it knows no quotas of control groups
    cv2.setNumThreads(_cores)

CAPTURE_SIDE = 256
"""Every frame is first shrunk to this side by area averaging, as NitroGen was trained."""

SHARED = 2560 * 1440
"""Pixels from which two threads are faster than one: in smaller pictures, waking the second costs what it saves."""

OVERREAD = 64
"""Bytes of memory behind the last plane: vector instructions may read beyond its end."""


def check_frame(image: object) -> Image:
    """Return ``image`` if it is a (height, width, 3) uint8 RGB array.

    :raises ObservationError: it is anything else
    """
    if not isinstance(image, np.ndarray):
        raise ObservationError(
            f"frame is {type(image).__name__}",
            value=type(image).__name__,
            limit="it must be a numpy array (height, width, 3) of uint8",
        )
    if image.dtype != np.uint8:
        raise ObservationError(
            f"frame has dtype {image.dtype}", value=image.dtype, limit="it must be uint8 with values 0 to 255"
        )
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ObservationError(
            f"frame has shape {image.shape}", value=image.shape, limit="it must be (height, width, 3), RGB"
        )
    return image


def shrink(image: Image, helper: Executor | None = None) -> Image:
    """Return ``image`` as (256, 256, 3) by area averaging, the same array if it has that size already.

    Each value is within 1 of the exact rounded average, and of `as_trained`, which takes many times as long. With
    ``helper``, the lower half of a picture of `SHARED` pixels or more is shrunk in that thread at the same time. Half
    of 256 rows covers exactly half of an even height, so the result is the same to the bit.
    """
    height, width, _ = image.shape
    if height == width == CAPTURE_SIDE:
        return image
    if min(height, width) <= CAPTURE_SIDE:  # OpenCV does more than average where a side grows; this size is cheap
        return as_trained(image)
    small = np.empty((CAPTURE_SIDE, CAPTURE_SIDE, 3), np.uint8)
    if helper is None or height * width < SHARED or height % 2:
        _average(image, small)
    else:
        lower = helper.submit(_average, image[height // 2 :], small[CAPTURE_SIDE // 2 :])
        _average(image[: height // 2], small[: CAPTURE_SIDE // 2])
        lower.result()
    return small


def as_trained(image: Image) -> Image:
    """Return ``image`` as (256, 256, 3) by OpenCV's area averaging, which NitroGen was trained with."""
    if image.shape[:2] == (CAPTURE_SIDE, CAPTURE_SIDE):
        return image
    return np.asarray(cv2.resize(image, (CAPTURE_SIDE, CAPTURE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _average(image: Image, into: Image) -> None:
    """Shrink ``image`` to the size of ``into``, which is smaller in width and height."""
    size = image.shape[:2]
    try:
        # pop and append are atomic: no two threads get the same scaler
        scaler = _idle.pop()
    except IndexError:
        scaler = _Scaler(*size)
    if scaler.size != size:
        scaler = _Scaler(*size)
    scaler.shrink(image, into)
    _idle.append(scaler)


class _Scaler:
    """Averages pictures of one size, one colour plane at a time: libswscale is many times faster at that than OpenCV.

    Given all three colours at once, it would convert them to YUV and back. The planes' memory is kept from picture to
    picture: allocating it would take ten times as long as the split. For one caller at a time.
    """

    def __init__(self, height: int, width: int) -> None:
        import av  # late: it takes 50 ms, and the arcade's pictures need none of it
        from av.video.reformatter import Interpolation, VideoReformatter

        self.size = (height, width)
        count = 3 * height * width
        memory = np.empty(count + OVERREAD, np.uint8)
        self._planes = list(memory[:count].reshape(3, height, width))
        self._frames = [av.VideoFrame.from_numpy_buffer(plane, "gray") for plane in self._planes]
        self._scaler = VideoReformatter()
        # without accurate rounding, each row of the average is truncated 3 bits below the pixel's last bit
        self._interpolation = Interpolation.AREA | Interpolation.ACCURATE_RND

    def shrink(self, image: Image, into: Image) -> None:
        """Write ``image`` to ``into``, averaged."""
        height, width, _ = into.shape
        cv2.split(image, self._planes)
        small = [
            self._scaler.reformat(frame, width, height, interpolation=self._interpolation, threads=1)
            for frame in self._frames
        ]
        cv2.merge([plane.to_ndarray() for plane in small], into)


_idle: list[_Scaler] = []
"""Scalers that no caller uses now."""


def to_side(image: Image, side: int) -> Image:
    """Return a shrunk frame as (side, side, 3), scaled bilinearly, for a vision tower that does not take 256."""
    if image.shape[:2] == (side, side):
        return image
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def observation(frames: Sequence[Image], side: int) -> npt.NDArray[np.uint8]:
    """Return ``frames``, oldest first, as the (1, F, side, side, 3) uint8 input of the observe graph.

    Full-size frames are shrunk by `as_trained`, exactly as the reference does it: nothing is in a hurry here.
    """
    return np.stack([to_side(as_trained(check_frame(frame)), side) for frame in frames])[None]
