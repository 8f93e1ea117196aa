"""Deadlines and what a rate asks of a policy: arithmetic only. Rules: absolute deadlines, no bursts, d <= H - s."""

import math
from dataclasses import dataclass

from ngrt.errors import FeasibilityError


def next_deadline(deadline: float, now: float, interval: float) -> tuple[float, int]:
    """Return the deadline after ``deadline`` that is still to come, and how many were missed on the way.

    A missed deadline is skipped, never made up for: a burst would replay stale input.
    """
    missed = max(0, math.floor((now - deadline) / interval))
    return deadline + (missed + 1) * interval, missed


def delay_ticks(latency: float, rate: float) -> int:
    """Return d: the ticks that pass while a chunk is made that takes ``latency`` seconds from its frame's capture."""
    return math.ceil(latency * rate - 1e-9)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a chunk takes, in seconds: what does not depend on the steps, and each denoise step."""

    fixed: float
    step: float

    @classmethod
    def from_two(cls, one: float, steps: int, whole: float) -> "Latency":
        """Return the line through a chunk of one step that took ``one`` and of ``steps`` that took ``whole``."""
        step = max(0.0, (whole - one) / (steps - 1)) if steps > 1 else 0.0
        return cls(max(0.0, whole - steps * step), step)

    def of(self, steps: int) -> float:
        """Return the latency of a chunk of ``steps`` denoise steps."""
        return self.fixed + steps * self.step


def check_feasible(latency: Latency, steps: int, horizon: int, rate: float) -> int:
    """Return the delay d in ticks if ``rate`` can hold: inference never stops, so s = d and 2 d <= horizon.

    :raises FeasibilityError: it cannot; the message names the largest rate and the steps that would
    """
    budget = horizon // 2
    delay = delay_ticks(latency.of(steps), rate)
    if delay <= budget:
        return delay
    remedies = []
    if (largest := math.floor(budget / latency.of(steps) * 10) / 10) >= 1:
        remedies.append(f"--rate {largest:g}")
    if latency.step > 0 and (fewer := math.floor((budget / rate - latency.fixed) / latency.step + 1e-9)) >= 1:
        remedies.append(f"--steps {fewer}")
    raise FeasibilityError(
        f"a chunk takes {latency.of(steps) * 1000:.0f} ms: {delay} ticks at {rate:g} Hz; chunks of {horizon} rows "
        f"allow {budget}; try {' or '.join(remedies) or 'a faster engine or machine'}"
    )
