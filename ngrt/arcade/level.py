"""What an episode brings, drawn from its seed: when, which kind, and how hard the wind blows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 60
"""Updates a second."""

TICKS = 20 * RATE
"""Updates an episode."""

NONE, GATE, FORK, BAR, WAVE = range(5)
"""Kinds of event: steer through, pass on either side, jump, shield."""

NOTICE = np.array([0, 42, 42, 42, 30])
"""Ticks between an event's appearing and its reaching the ship, by kind; waves are fast."""

SHARE = np.array([0.0, 0.24, 0.42, 0.17, 0.17])
FIRST = (60, 80)
SPACING = (46, 59)
"""Ticks to the first event and between two, lowest and highest. Never less than the notice: one event at a time."""

GATE_OFFSET = (14.0, 48.0)
"""Pixels between where the ship would come to rest and the gate's middle, lowest and highest."""

WIND = (0.3, 0.9)
CALM = 0.4
"""Wind in pixels a tick that it adds to the ship's speed, lowest and highest; and how often there is none."""

NEVER = 10**6


@dataclass(frozen=True)
class Levels:
    """The events of E episodes, K each, in order; after an episode's last its times are `NEVER`.

    ``times`` (E, K) ticks of reaching the ship; ``kinds`` (E, K); ``offsets`` (E, K) pixels; ``winds`` (E, K).
    """

    times: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.float64]
    winds: npt.NDArray[np.float64]


MOST = (TICKS - FIRST[0]) // SPACING[0] + 2
"""Events an episode can have, and one that never comes."""


def draw_levels(seeds: Sequence[int]) -> Levels:
    """Return one level for each seed; each depends on its own seed alone."""
    parts = [_draw(np.random.default_rng(seed)) for seed in seeds]
    times, kinds, offsets, winds = (np.stack(column) for column in zip(*parts, strict=True))
    return Levels(times, kinds, offsets, winds)


def _draw(random: np.random.Generator) -> tuple[npt.NDArray[np.generic], ...]:
    gaps = random.integers(SPACING[0], SPACING[1], MOST, endpoint=True)
    gaps[0] = random.integers(*FIRST, endpoint=True)
    times = np.cumsum(gaps)
    times[(times >= TICKS) | (np.arange(MOST) == MOST - 1)] = NEVER
    kinds = random.choice(len(SHARE), MOST, p=SHARE)
    others = random.choice([GATE, BAR, WAVE], MOST)
    for i in range(1, MOST):
        # the ship leaves a fork far to one side, where the next one could not offer equal ways
        if kinds[i] == FORK == kinds[i - 1]:
            kinds[i] = others[i]
    sides = random.choice([-1.0, 1.0], (2, MOST))
    offsets = sides[0] * random.uniform(*GATE_OFFSET, MOST) * (kinds == GATE)
    blows = (random.random(MOST) > CALM) & (kinds != FORK)
    winds = sides[1] * random.uniform(*WIND, MOST) * blows
    return times, kinds, offsets, winds
