"""Percentiles over the most recent samples."""

import math
from collections import deque

WINDOW = 600
"""Samples that a percentile is taken over: ten seconds at 60 Hz. An old hiccup must not count for ever."""


class RecentSamples:
    """The last samples of one quantity."""

    def __init__(self, size: int = WINDOW) -> None:
        self._samples: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        """Add a sample."""
        self._samples.append(value)

    def percentile(self, percent: float) -> float | None:
        """Return the nearest-rank percentile, or None where there are no samples."""
        ordered = sorted(self._samples)
        if not ordered:
            return None
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]

    def mean(self) -> float | None:
        """Return the mean, or None where there are no samples."""
        return sum(self._samples) / len(self._samples) if self._samples else None

    def __len__(self) -> int:
        return len(self._samples)
