"""Deadlines and what a rate asks of a policy: arithmetic only. Rules: absolute deadlines, no bursts, d <= H - s."""

import math
from dataclasses import dataclass

from ngrt.errors import FeasibilityError

MARGIN = 0.95
"""What a remedy leaves unused: the next run measures anew, and finds a few percent more or less."""

LEAST_RATE = 0.1
"""Ticks a second below which no rate is worth naming."""


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
    """How long a chunk takes from its frame's capture, in seconds.

    ``fixed`` does not depend on the steps; ``step`` is each denoise step; ``interval`` is how often the source shows a
    new picture: a frame waits that long for inference to start on it, but no longer than a tick.
    """

    fixed: float
    step: float
    interval: float = 0.0

    @classmethod
    def from_two(cls, one: float, steps: int, whole: float, interval: float = 0.0) -> "Latency":
        """Return the line through a chunk of one step that took ``one`` and of ``steps`` that took ``whole``."""
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
    """How fast is played: ``rate`` ticks a second, ``steps`` denoise steps a chunk, ``delay`` ticks until it is there.

    ``delay`` is 0 where the game waits.
    """

    rate: float
    steps: int
    delay: int


def settle(latency: Latency, horizon: int, rate: float | None, steps: int | None, limit: Pace) -> Pace:
    """Return a pace that holds; None: as much as does hold, up to what ``limit`` has.

    Where both are None the rate comes first, with a quarter of the steps, then as many steps as fit it.

    :raises FeasibilityError: none does
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
    """Return ``rate`` to a tenth below."""
    return math.floor(rate * 10) / 10


def check_feasible(latency: Latency, steps: int, horizon: int, rate: float) -> int:
    """Return the delay d in ticks if ``rate`` can hold: inference never stops, so s = d and 2 d <= horizon.

    :raises FeasibilityError: it cannot; the message names the largest rate and the steps that would
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
