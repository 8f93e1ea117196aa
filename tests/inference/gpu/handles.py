"""What the stand-in for the CUDA runtime hands out, and how it refuses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

PAD = 4096


Work = Callable[[], None]


class Allocation:
    """Memory that was handed out, on the device or pinned on the host; filled with what is no number."""

    def __init__(self, kind: str, size: int) -> None:
        self.kind, self.size, self.freed = kind, size, False
        self._buffer: npt.NDArray[np.uint8] = np.full(size + 2 * PAD, 0xFF, np.uint8)
        self.address = (int(self._buffer.ctypes.data) + PAD) // 512 * 512


@dataclass
class Stream:
    """What waits to be done, and what is captured."""

    waiting: list[Work] = field(default_factory=list)
    captured: list[Work] | None = None
    broken: bool = False


@dataclass
class Event:
    """A point of a stream and when it was reached, if it was."""

    time: float | None = None


@dataclass(frozen=True)
class Graph:
    """Captured work."""

    work: tuple[Work, ...]


class Refused(Exception):  # noqa: N818  (it is no error of the tests)
    """CUDA's own refusal."""

    def __init__(self, status: Any) -> None:
        super().__init__(status)
        self.status = status
