"""Tensors that go from the host to the device together: one copy, whatever they are."""

from collections.abc import Mapping
from contextlib import ExitStack
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ngrt.inference.cuda.driver import ALIGNMENT, Cuda

Fields = Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]]
"""Shape and type by name."""


def aligned(size: int) -> int:
    """Return the least multiple of `ALIGNMENT` that holds ``size`` bytes."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def row_width(floats: int) -> int:
    """Return how many float32 a row needs to hold so many and have the next row aligned."""
    return aligned(floats * 4) // 4


class Mirror:
    """The same tensors in pinned memory and on the device, each aligned, freed with ``things``."""

    def __init__(self, cuda: Cuda, things: ExitStack, fields: Fields) -> None:
        self._cuda = cuda
        self._offsets: dict[str, int] = {}
        size = 0
        for name, (shape, dtype) in fields.items():
            self._offsets[name] = size
            size += aligned(prod(shape) * np.dtype(dtype).itemsize)
        self._device = cuda.allocate(things, size)
        self._pinned = cuda.pin(things, size)
        self.host = {name: self._view(name, shape, dtype) for name, (shape, dtype) in fields.items()}
        """The arrays to write to. No copy need have ended: what it was for is replaced by what is written."""

    def upload(self) -> None:
        """Put the copy to the device on the stream."""
        self._cuda.upload(self._device, self._pinned)

    def address(self, name: str, row: int = 0) -> int:
        """Return where a tensor is on the device, or one row of it (see `row_width`)."""
        offset = row * self.host[name].strides[0] if row else 0
        return self._device + self._offsets[name] + offset

    def _view(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        start = self._offsets[name]
        size = prod(shape) * np.dtype(dtype).itemsize
        return self._pinned[start : start + size].view(dtype).reshape(shape)
