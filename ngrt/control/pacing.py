"""Deadlines, and which rates a policy can hold: arithmetic only. Rules: absolute deadlines, no bursts, d <= H - s."""

import math
from dataclasses import dataclass

from ngrt.errors import FeasibilityError

MARGIN = 0.95
"""Share of the measured speed that a remedy uses: the next run may measure a few percent less."""

LEAST_RATE = 0.1
"""Ticks a second below which no rate is worth naming."""


def next_deadline(deadline: float, now: float, interval: float) -> tuple[float, int]:
    """Return the first deadline after ``now``, and how many after ``deadline`` were missed.

    A missed deadline is skipped for good: catching up in a burst would replay stale input.
    """
    missed = max(0, math.floor((now - deadline) / interval))
    return deadline + (missed + 1) * interval, missed


def delay_ticks(latency: float, rate: float) -> int:
    """Return d: the ticks that pass in ``latency`` seconds, from a frame's capture to its chunk."""
    return math.ceil(latency * rate - 1e-9)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a chunk takes from its frame's capture, in seconds.

    ``fixed``: the part that does not depend on the steps; ``step``: each denoise step; ``interval``: between two new
    pictures of the source. A frame waits that long for inference to start, but no longer than a tick.
    """

    fixed: float
    step: float
    interval: float = 0.0

    @classmethod
    def from_two(cls, one: float, steps: int, whole: float, interval: float = 0.0) -> "Latency":
        """Return the latency fitted to two chunks: one step took ``one`` seconds, ``steps`` steps took ``whole``."""
        step = max(0.0, (whole - one) / (steps - 1)) if steps > 1 else 0.0
        return cls(max(0.0, whole - steps * step), step, interval)

    def of(self, steps: int, rate: float) -> float:
        """Return the latency of a chunk of ``steps`` denoise steps at ``rate`` ticks a second."""
        return min(self.interval, 1 / rate) + self.fixed + steps * self.step

    def largest_rate(self, steps: int, budget: int) -> float:
        """Return the rate at which a chunk of ``steps`` takes exactly ``budget`` ticks."""
        made = self.fixed + steps * self.step
        rate = budget / (made + self.interval)
        return rate if self.interval * rate <= 1 else (budget - 1) / made

    def most_steps(self, rate: float, budget: int) -> float:
        """Return how many steps take exactly ``budget`` ticks at ``rate``; infinite where a step takes no time."""
        left = budget / rate - self.of(0, rate)
        return left / self.step if self.step > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a session plays: ``rate`` ticks a second, ``steps`` denoise steps a chunk.

    ``delay``: ticks that a chunk takes; 0 in lockstep, where the game waits.
    """

    rate: float
    steps: int
    delay: int


def choose_pace(latency: Latency, horizon: int, rate: float | None, steps: int | None, limit: Pace) -> Pace:
    """Return a pace that this latency can hold. ``rate`` or ``steps`` None: as many as can hold, up to ``limit``.

    Where both are None the rate is chosen first, for a quarter of the steps; then as many steps as fit that rate.

    :raises FeasibilityError: no pace holds
    """
    budget = horizon // 2
    if rate is None:
        fewest = steps or max(1, limit.steps // 4)
        rate = min(limit.rate, _rounded(MARGIN * latency.largest_rate(fewest, budget)))
        rate = max(rate, LEAST_RATE)
    if steps is None:
        steps = max(1, math.floor(min(limit.steps, MARGIN * latency.most_steps(rate, budget))))
    return Pace(rate, steps, check_feasible(latency, steps, horizon, rate))


def _rounded(rate: float) -> float:
    """Return ``rate`` rounded down to a tenth."""
    return math.floor(rate * 10) / 10


def check_feasible(latency: Latency, steps: int, horizon: int, rate: float) -> int:
    """Return the delay d in ticks if ``rate`` can hold: inference never stops, so s = d and 2 d <= horizon.

    :raises FeasibilityError: it cannot; the message names the largest rate and the most steps that can
    """
    budget = horizon // 2
    takes = latency.of(steps, rate)
    delay = delay_ticks(takes, rate)
    if delay <= budget:
        return delay
    remedies = []
    if (largest := _rounded(MARGIN * latency.largest_rate(steps, budget))) >= LEAST_RATE:
        remedies.append(f"--rate {largest:g}")
    if 1 <= (fewer := MARGIN * latency.most_steps(rate, budget)) < steps:
        remedies.append(f"--steps {math.floor(fewer)}")
    raise FeasibilityError(
        f"a chunk takes {takes * 1000:.0f} ms: {delay} ticks at {rate:g} Hz",
        value=rate,
        limit=f"chunks of {horizon} rows allow {budget}",
        remedy=f"try {' or '.join(remedies) or 'a faster engine or machine'}",
    )
