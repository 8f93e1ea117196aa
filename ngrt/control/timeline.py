"""The timeline: which row of which chunk is meant for which tick."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ngrt.messages import PadState, TimedChunk

BLEND_DECAY = 0.1
"""Blended chunks are weighted by exp(-BLEND_DECAY * age), age in ticks."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The ticks of a session: tick n is due at ``start + n * interval``.

    Row k of a chunk is meant for the tick nearest to ``captured + (k + shift) * interval``.
    """

    start: float
    interval: float
    shift: int = 0

    def due(self, tick: int) -> float:
        """Return when ``tick`` is due."""
        return self.start + tick * self.interval

    def first_row_tick(self, captured: float) -> int:
        """Return the tick that row 0 is meant for, for a frame captured at ``captured``. It may have passed."""
        return math.floor((captured - self.start) / self.interval + 0.5) + self.shift

    def next_tick(self, time: float) -> int:
        """Return the first tick that is due at ``time`` or later."""
        return math.ceil((time - self.start) / self.interval - 1e-9)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chunk, and its pad state."""

    chunk: TimedChunk
    index: int
    state: PadState


class Timeline:
    """Finds the row for a tick by the capture time of each chunk's frame.

    Each row is meant for one tick only: a row whose tick has passed is never played. Where chunks overlap, the newest
    one counts; with ``blend`` its sticks are averaged with those of the older chunks.
    """

    def __init__(self, grid: Grid, *, blend: bool = False) -> None:
        self._grid = grid
        self._blend = blend
        self._chunks: list[TimedChunk] = []

    def add(self, chunk: TimedChunk) -> None:
        """Add a chunk; it is the newest from now on."""
        self._chunks.append(chunk)

    def clear(self) -> None:
        """Forget every chunk."""
        self._chunks = []

    def at(self, tick: int) -> Row | None:
        """Return the row meant for ``tick``, or None. Chunks that no later tick can use are forgotten."""
        self._chunks = [chunk for chunk in self._chunks if self._row(chunk, tick) < chunk.chunk.horizon]
        covering = [chunk for chunk in self._chunks if self._row(chunk, tick) >= 0]
        if not covering:
            return None
        if not self._blend:
            # older chunks can never count again
            self._chunks = self._chunks[self._chunks.index(covering[-1]) :]
            covering = covering[-1:]
        newest, row = covering[-1], self._row(covering[-1], tick)
        state = newest.chunk.pad(row)
        if len(covering) > 1:
            state = self._averaged(state, covering, tick)
        return Row(newest, row, state)

    def _row(self, chunk: TimedChunk, tick: int) -> int:
        return tick - self._grid.first_row_tick(chunk.captured)

    def _averaged(self, state: PadState, covering: Sequence[TimedChunk], tick: int) -> PadState:
        """Return ``state`` with its sticks averaged over the chunks in ``covering``; buttons cannot be averaged."""
        rows = [self._row(chunk, tick) for chunk in covering]
        weights = [math.exp(-BLEND_DECAY * (row - rows[-1])) for row in rows]
        states = [chunk.chunk.pad(row) for chunk, row in zip(covering, rows, strict=True)]
        return replace(
            state,
            left=_mean([each.left for each in states], weights),
            right=_mean([each.right for each in states], weights),
        )


def _mean(sticks: Sequence[tuple[float, float]], weights: Sequence[float]) -> tuple[float, float]:
    whole = sum(weights)
    x, y = (sum(weight * stick[axis] for weight, stick in zip(weights, sticks, strict=True)) / whole for axis in (0, 1))
    return x, y
