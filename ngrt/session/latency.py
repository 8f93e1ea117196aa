"""How long chunks take on this machine, measured before play."""

import statistics
from collections.abc import Callable, Sequence

import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.control.merging import Noise
from ngrt.control.pacing import Latency
from ngrt.interfaces import Policy
from ngrt.messages import Chunk, Guide, Image
from ngrt.pipeline.infer import Predict
from ngrt.policy.preprocess import CAPTURE_SIDE
from ngrt.processor import usable_cores
from ngrt.session.settings import PlaySettings

WARM_UP_RUNS = 3


def predictor(policy: Policy, settings: PlaySettings, steps: int, noise: Noise) -> Predict:
    """Return ``policy`` with everything chosen but the frames and the guide."""
    start = policy.draw_noise() if noise == "steady" else None

    def predict(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        return policy.predict(frames, start, steps, settings.guidance, settings.game, guide)

    return predict


def engine_threads(asked: int | None) -> int:
    """Return how many threads the engine gets: as asked, else one less than it may use cores, for the tick."""
    return asked or max(1, usable_cores() - 1)


def measure(predict_in: Callable[[int], Predict], steps: int, frames: int, interval: float) -> Latency:
    """Return how long chunks take here: medians of a few runs on black frames, after a warm-up.

    ``predict_in`` returns the predictor for a number of steps; ``interval``: seconds between pictures of the source.
    """
    clock = MonotonicClock()
    pictures = [np.zeros((CAPTURE_SIDE, CAPTURE_SIDE, 3), np.uint8)] * frames

    def median(count: int) -> float:
        predict, times = predict_in(count), []
        for _ in range(1 + WARM_UP_RUNS):
            start = clock.now()
            predict(pictures, None)
            times.append(clock.now() - start)
        return statistics.median(times[1:])

    return Latency.from_two(median(1), steps, median(steps), interval)
