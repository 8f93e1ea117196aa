"""How a new chunk is made to agree with the one that is being played now.

Every mode runs the same denoise graph with another `Guide`; `replace` and `blend` need none. tau runs from 0 (noise) to
1 (action), Y is the last chunk's actions shifted to the new chunk's rows, d the delay and s the distance of two chunks,
in rows::

    rtc      v += w(tau) * W * (Y - x1), x1 = x + (1 - tau) * v     W falls from 1 at row d to 0 at row H - s
    prefix   rows before d follow the straight path to Y            the same, with w = 1 / (1 - tau) and W = 1 there

rtc is real-time chunking (arXiv 2506.07339) with the Jacobian taken as the identity, so that an engine without
gradients can run it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ngrt.control.percentiles import RecentSamples
from ngrt.control.timeline import Grid
from ngrt.messages import Array, Guide, TimedChunk

Mode = Literal["replace", "blend", "prefix", "rtc", "lockstep"]
Noise = Literal["fresh", "steady"]
"""Fresh: each chunk starts from new noise. Steady: all start from the same, which keeps the policy to one plan."""

RECENT, PERCENT = 50, 95
"""Chunks that the delay is estimated from, and the percentile taken: two hiccups in fifty change nothing."""


@dataclass(frozen=True, slots=True)
class Merging:
    """How chunks are merged.

    ``beta``: the most that `rtc` pulls; ``execute``: rows of each chunk that are played in `lockstep`.
    """

    mode: Mode = "replace"
    noise: Noise = "fresh"
    beta: float = 1.0
    execute: int = 8

    def __str__(self) -> str:
        beta = f" (beta {self.beta:g})" if self.mode == "rtc" else ""
        return f"{self.mode}{beta}, {self.noise} noise"

    @property
    def needs_guide(self) -> bool:
        """Whether chunks are merged while they are denoised, by a `Guide`."""
        return self.mode in ("prefix", "rtc")

    def guide(self, previous: Array, executed: int, delay: int, steps: int) -> Guide | None:
        """Return what pulls a chunk that starts ``executed`` rows after ``previous`` (..., H, A), or None for nothing.

        ``delay``: rows of the new chunk that will have passed before it is ready; ``steps``: its denoise steps.
        """
        horizon = previous.shape[-2]
        end = horizon - executed
        if not self.needs_guide or end <= 0:
            return None
        delay = min(delay, end)
        if self.mode == "prefix":
            weights = (np.arange(horizon) < delay).astype(np.float32)
            strengths = prefix_strengths(steps)
        else:
            weights = rtc_weights(horizon, delay, end)
            strengths = rtc_strengths(steps, self.beta)
        return Guide(shifted(previous, executed), weights, strengths)


def shifted(actions: Array, rows: int) -> Array:
    """Return ``actions`` (..., H, A) moved up by ``rows``: row i is the old row i + ``rows``, zeros past the end."""
    moved = np.zeros_like(actions)
    kept = actions.shape[-2] - rows
    moved[..., :kept, :] = actions[..., rows:, :]
    return moved


def rtc_weights(horizon: int, delay: int, end: int) -> Array:
    """Return W (H,): 1 before ``delay``, 0 from ``end`` on, exponential in between."""
    weights = np.zeros(horizon, np.float32)
    weights[:delay] = 1
    u = (end - np.arange(delay, end)) / (end - delay + 1)
    weights[delay:end] = u * np.expm1(u) / np.expm1(1)
    return weights


def rtc_strengths(steps: int, beta: float) -> Array:
    """Return w (N,) as in the paper: min(beta, (1 - tau) / (tau * r2)), and beta at tau = 0."""
    tau = np.arange(1, steps) / steps
    free = (tau**2 + (1 - tau) ** 2) / (tau * (1 - tau))
    return np.asarray(np.minimum(beta, np.concatenate([[beta], free])), np.float32)


def prefix_strengths(steps: int) -> Array:
    """Return 1 / (1 - tau) (N,): it keeps x at (1 - tau) * noise + tau * Y, so that x ends at Y."""
    return np.asarray(steps / (steps - np.arange(steps)), np.float32)


def default_merging(delay: int, *, takes_guide: bool = True) -> Merging:
    """Return how to merge where nobody chose: the same at every ``delay`` in ticks, by the table in docs/merging.md.

    ``takes_guide``: whether the policy can be guided. Without a guide `replace` with steady noise is best.
    """
    return Merging("prefix" if takes_guide else "replace", "steady")


class GuideMaker:
    """Makes the guide for each chunk of a session, from the chunk before it and the latency of recent chunks.

    ``latency``: seconds from a frame's capture to its chunk, measured before the session.
    """

    def __init__(self, merging: Merging, grid: Grid, steps: int, latency: float) -> None:
        self._merging, self._grid, self._steps = merging, grid, steps
        self._latencies = RecentSamples(RECENT)
        self._latencies.add(latency)
        self._last: TimedChunk | None = None

    @property
    def latency(self) -> float:
        """Seconds from capture to chunk: a high percentile of the recent chunks."""
        return self._latencies.percentile(PERCENT) or 0.0

    def delay(self, captured: float) -> int:
        """Return how many rows of a chunk will have passed before it is ready, for a frame captured at ``captured``."""
        return max(0, self._grid.next_tick(captured + self.latency) - self._grid.first_row_tick(captured))

    def guide(self, captured: float, since: float = -math.inf) -> Guide | None:
        """Return the guide for the chunk of a frame captured at ``captured``, None for no guide.

        The last chunk is no guide if its frame was captured before ``since``: it was never played.
        """
        if self._last is None or self._last.captured < since:
            return None
        executed = self._grid.first_row_tick(captured) - self._grid.first_row_tick(self._last.captured)
        return self._merging.guide(self._last.chunk.actions, executed, self.delay(captured), self._steps)

    def remember(self, chunk: TimedChunk) -> None:
        """Remember a finished chunk: the next one must agree with it."""
        self._latencies.add(chunk.finished - chunk.captured)
        self._last = chunk
