"""How much longer one series of times is than another: the ratio of medians, with an interval.

Consecutive samples are not independent: a slow spell lasts for several. The bootstrap therefore draws blocks of them
(the circular block bootstrap of Politis and Romano), as long as their correlation asks for (Politis and White 2004,
with the correction of Patton, Politis and White 2009). What differs from one process to the next, no single run shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

FEWEST = 5
"""Samples on either side below which there is no interval."""

RESAMPLES, FEWEST_RESAMPLES = 2_000, 400
MOST_DRAWN = 20_000_000
"""Samples drawn for one side, beyond which there are fewer resamples."""

BATCH = 2_000_000
"""Samples drawn at once: what bounds the memory."""

Verdict = Literal["slower", "faster", "same", "unclear"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two medians; ``low`` and ``high`` enclose it in 95% of cases, both None where there are too few samples."""

    value: float
    low: float | None
    high: float | None

    def verdict(self, noise: float) -> Verdict:
        """Return slower or faster if all of the interval is beyond ``noise``, same if all is within, else unclear."""
        if self.low is None or self.high is None:
            return "unclear"
        most, least = 1 + noise, 1 / (1 + noise)
        if self.low > most:
            return "slower"
        if self.high < least:
            return "faster"
        return "same" if least <= self.low and self.high <= most else "unclear"


def ratio(
    one: Sequence[float],
    other: Sequence[float],
    per: tuple[Sequence[float], Sequence[float]] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Ratio | None:
    """Return ``other``'s median over ``one``'s, None where they are not all above zero.

    ``per``: what either is divided by first, such as the reference's way in the same run, which cancels the machine.
    """
    series = [np.asarray(times, np.float64) for times in (one, other, *(per or ()))]
    medians = [float(middle(times)) for times in series]
    if min(medians) <= 0:
        return None
    if per is None and np.array_equal(series[0], series[1]):
        return Ratio(1.0, 1.0, 1.0)  # the same measurement, not another that came out alike
    value = _quotient(medians)
    if min(map(len, series)) < FEWEST:
        return Ratio(value, None, None)
    random = np.random.default_rng(seed)
    drawn = [resampled(times, random, resamples) for times in series]
    count = min(map(len, drawn))
    with np.errstate(all="ignore"):
        ratios = _quotient([medians[:count] for medians in drawn])
    low, high = np.percentile(np.where(np.isfinite(ratios), ratios, np.inf), (2.5, 97.5), method="nearest")
    return Ratio(value, float(low), float(high)) if np.isfinite(high) else Ratio(value, None, None)


Medians = TypeVar("Medians", float, Floats)


def _quotient(medians: Sequence[Medians]) -> Medians:
    """Return the second over the first; with four, each over what stands two places on."""
    if len(medians) == 2:
        return medians[1] / medians[0]
    return medians[1] / medians[3] / (medians[0] / medians[2])


def resampled(series: Floats, random: np.random.Generator, resamples: int = RESAMPLES) -> Floats:
    """Return medians of ``series`` (N,) drawn anew in blocks: (``resamples``,), fewer where N is very large."""
    count, block = len(series), block_length(series)
    resamples = max(min(resamples, FEWEST_RESAMPLES), min(resamples, MOST_DRAWN // count))
    blocks = -(-count // block)
    offsets = np.arange(block)
    medians: list[Floats] = []
    for first in range(0, resamples, batch := max(1, BATCH // (blocks * block))):
        starts = random.integers(0, count, (min(batch, resamples - first), blocks))
        places = (starts[..., None] + offsets).reshape(len(starts), -1)[:, :count] % count
        medians.append(middle(series[places]))
    return np.concatenate(medians)


def middle(series: Floats) -> Floats:
    """Return the medians along the last axis, each a sample, as `bench.schema.distribution.Distribution.p50` is."""
    place = round((series.shape[-1] - 1) / 2)
    found: Floats = np.partition(series, place, axis=-1)[..., place]
    return found


def block_length(series: Floats) -> int:
    """Return how many consecutive samples are best drawn together.

    Measured on which side of the median they lie: that is all of them that a median sees.
    """
    count = len(series)
    sides = np.where(series > np.median(series), 1.0, 0.0)
    sides -= sides.mean()
    power = np.abs(np.fft.rfft(sides, 2 * count)) ** 2
    covariance = np.fft.irfft(power)[:count] / count
    if covariance[0] <= 0:
        return 1
    patience, most = max(5, round(np.sqrt(np.log10(count)))), max(1, min(count // 3, round(3 * np.sqrt(count))))
    small = np.abs(covariance[1:] / covariance[0]) < 2 * np.sqrt(np.log10(count) / count)
    lasts = next((lag for lag in range(len(small)) if small[lag : lag + patience].all()), len(small))
    lags = np.arange(1, min(2 * max(1, lasts), count - 1) + 1)
    weights = np.clip(2 * (1 - lags / (lags[-1] + 1)), 0, 1)
    slope = 2 * float(np.sum(weights * lags * covariance[lags]))
    spectrum = float(covariance[0] + 2 * np.sum(weights * covariance[lags]))
    if spectrum <= 0:
        return 1
    return int(np.clip(np.ceil((1.5 * slope**2 / spectrum**2 * count) ** (1 / 3)), 1, most))
