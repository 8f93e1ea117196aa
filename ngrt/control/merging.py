"""How a new chunk is made to agree with the one that is being played.

Every mode is the same denoise graph under another `Guide`; `replace` and `blend` need none. With tau from 0 (noise) to
1 (action), Y the last chunk's actions laid over the new one's rows, d rows of delay and s rows between two chunks::

    rtc      v += w(tau) * W * (Y - x1), x1 = x + (1 - tau) * v     W falls from 1 at row d to 0 at row H - s
    prefix   rows before d follow the straight path to Y            the same, with w = 1 / (1 - tau) and W = 1 there

rtc is real-time chunking (arXiv 2506.07339) with the Jacobian taken as the identity, so that an engine without
gradients can run it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ngrt.control.percentiles import Window
from ngrt.control.timeline import Grid
from ngrt.messages import Array, Guide, TimedChunk

Mode = Literal["replace", "blend", "prefix", "rtc", "lockstep"]
Noise = Literal["fresh", "steady"]
"""Where denoising starts: from a draw for each chunk, or always from the same, which keeps to one side of a choice."""

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
        """Whether it is done while denoising, by a `Guide`."""
        return self.mode in ("prefix", "rtc")

    def guide(self, previous: Array, executed: int, delay: int, steps: int) -> Guide | None:
        """Return what pulls a chunk that starts ``executed`` rows after ``previous`` (..., H, A), or None for nothing.

        ``delay``: the new chunk's rows that will have passed before it is ready; ``steps`` of its denoising.
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
    """Return ``actions`` (..., H, A) as seen ``rows`` later: row i is what was row i + ``rows``, zeros past the end."""
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
    """Return w (N,): min(beta, (1 - tau) / (tau * r2)), the paper's, which is beta at tau = 0."""
    tau = np.arange(1, steps) / steps
    free = (tau**2 + (1 - tau) ** 2) / (tau * (1 - tau))
    return np.asarray(np.minimum(beta, np.concatenate([[beta], free])), np.float32)


def prefix_strengths(steps: int) -> Array:
    """Return 1 / (1 - tau) (N,): what keeps x at (1 - tau) * noise + tau * Y, and makes it Y in the end."""
    return np.asarray(steps / (steps - np.arange(steps)), np.float32)


def default_merging(delay: int, *, takes_guide: bool = True) -> Merging:
    """Return what plays best at ``delay`` ticks: the same at all of them, by the table in docs/merging.md.

    ``takes_guide``: whether the policy can be guided; what is best without a guide is `replace` with steady noise.
    """
    return Merging("prefix" if takes_guide else "replace", "steady")


class Merger:
    """Makes the guide of every chunk of a session, from the chunk before it and from how long chunks take of late.

    ``latency``: seconds from a frame's capture to its chunk, as measured before the session.
    """

    def __init__(self, merging: Merging, grid: Grid, steps: int, latency: float) -> None:
        self._merging, self._grid, self._steps = merging, grid, steps
        self._latencies = Window(RECENT)
        self._latencies.add(latency)
        self._last: TimedChunk | None = None

    @property
    def latency(self) -> float:
        """Seconds from capture to chunk: a high percentile of the last chunks, so that one hiccup is soon forgotten."""
        return self._latencies.percentile(PERCENT) or 0.0

    def delay(self, captured: float) -> int:
        """Return how many rows of a chunk on a frame ``captured`` then will have passed before it is ready."""
        return max(0, self._grid.next_tick(captured + self.latency) - self._grid.first_tick(captured))

    def guide(self, captured: float, since: float = -math.inf) -> Guide | None:
        """Return what pulls the chunk on a frame ``captured`` then, None for nothing.

        A chunk on a frame from before ``since`` was never played, and pulls nothing.
        """
        if self._last is None or self._last.captured < since:
            return None
        executed = self._grid.first_tick(captured) - self._grid.first_tick(self._last.captured)
        return self._merging.guide(self._last.chunk.actions, executed, self.delay(captured), self._steps)

    def note(self, chunk: TimedChunk) -> None:
        """Take note of a finished chunk: it is the one that the next must agree with."""
        self._latencies.add(chunk.finished - chunk.captured)
        self._last = chunk
