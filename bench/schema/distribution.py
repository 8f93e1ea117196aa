"""What a measurement is: the distribution of its samples; and how times and sizes are said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

UNITS = {"s": (1, 3), "ms": (1e3, 2), "us": (1e6, 1)}
"""Factor from seconds and digits to show, the largest unit first."""

Unit = Literal["s", "ms", "us"]

P99_SAMPLES = 662
"""The fewest samples whose 99th percentile means something: MLPerf's number for a confidence of 99%."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds; ``samples`` as they were taken."""

    samples: tuple[float, ...]
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Distribution":
        """Return the distribution of ``samples``."""
        p50, p90, p95, p99 = np.percentile(samples, (50, 90, 95, 99), method="nearest")
        return cls(tuple(samples), float(p50), float(p90), float(p95), float(p99), max(samples))

    @property
    def has_p99(self) -> bool:
        """Whether there are samples enough for the 99th percentile to mean something."""
        return len(self.samples) >= P99_SAMPLES

    def line(self, unit: Unit | None = None) -> str:
        """Return the percentiles in ``unit`` for people, in the one that suits the median if None."""
        unit = unit or _unit(self.p50)
        factor, digits = UNITS[unit]
        named = {"p90": self.p90, "p99": self.p99, "max": self.max}
        if not self.has_p99:
            del named["p99"]
        rest = ", ".join(f"{name} {value * factor:.{digits}f}" for name, value in named.items())
        return f"{self.p50 * factor:.{digits}f} {unit} ({rest}; {len(self.samples)} samples)"


def in_words(seconds: float) -> str:
    """Return a time in the unit that suits it, three digits of it."""
    scaled = [(float(f"{seconds * factor:.3g}"), unit) for unit, (factor, _) in UNITS.items()]
    value, unit = next(((value, unit) for value, unit in scaled if abs(value) >= 1), scaled[-1])
    return f"{value:g} {unit}"


def in_bytes(count: float) -> str:
    """Return a number of bytes in three digits and the unit that suits it."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _unit(seconds: float) -> Unit:
    return "s" if seconds >= 1 else "ms" if seconds >= 1e-4 else "us"
