"""The timeline: which row of which chunk is meant for which tick."""

import math
from dataclasses import dataclass

from ngrt.messages import TimedChunk


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chunk."""

    chunk: TimedChunk
    index: int


class Timeline:
    """Lays chunks over ticks by the capture time of their frame.

    Tick n is due at ``start + n * interval``. Row k of a chunk is meant for the tick nearest to
    ``captured + (k + shift) * interval``, and for no other: a row whose tick has passed is never played. Where chunks
    overlap, the newest one counts (`replace`).
    """

    def __init__(self, start: float, interval: float, shift: int = 0) -> None:
        self._start = start
        self._interval = interval
        self._shift = shift
        self._chunks: list[TimedChunk] = []

    def first_tick(self, chunk: TimedChunk) -> int:
        """Return the tick that row 0 of ``chunk`` is meant for; it may have passed."""
        return math.floor((chunk.captured - self._start) / self._interval + 0.5) + self._shift

    def add(self, chunk: TimedChunk) -> None:
        """Add a chunk; it is the newest from now on."""
        self._chunks.append(chunk)

    def at(self, tick: int) -> Row | None:
        """Return the row meant for ``tick``, or None; what no later tick can use is forgotten."""
        self._chunks = [chunk for chunk in self._chunks if self.first_tick(chunk) + chunk.chunk.horizon > tick]
        for newest, chunk in enumerate(reversed(self._chunks)):
            row = tick - self.first_tick(chunk)
            if row >= 0:
                del self._chunks[: len(self._chunks) - 1 - newest]  # older ones can never count again
                return Row(chunk, row)
        return None
