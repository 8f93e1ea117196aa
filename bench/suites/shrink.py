"""What shrinking a captured frame to 256 x 256 takes, beside the OpenCV call that does the same."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from bench.schema.distribution import Distribution
from bench.suites.suite import Effort, Inputs, Ready, Report
from ngrt.messages import Image
from ngrt.policy.preprocess import CAPTURE_SIDE, shrink

SIZES = ((640, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
"""Width and height."""

SAMPLES = 100


@dataclass(frozen=True, slots=True)
class SizeShrink:
    """Seconds for a frame of ``size``: OpenCV's call, ngrt's in one thread, and in two."""

    size: str
    opencv: Distribution
    alone: Distribution
    helped: Distribution

    def facts(self) -> list[tuple[str, str]]:
        """Return it in lines for people."""
        rows = [("  OpenCV", self.opencv.line("ms")), ("  ngrt", self.alone.line("ms"))]
        rows.append(("  ngrt, two threads", self.helped.line("ms")))
        return [(self.size, f"{self.opencv.p50 / self.alone.p50:.1f} times faster"), *rows]


@dataclass(frozen=True, slots=True)
class ShrinkResult:
    """Every size, smallest first."""

    sizes: list[SizeShrink]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        return [row for size in self.sizes for row in size.facts()]


def prepare(_: Inputs, effort: Effort) -> Ready:
    """Return what measures."""
    return Ready(lambda report: measure(samples=effort.samples, report=report))


def measure(
    sizes: tuple[tuple[int, int], ...] = SIZES, samples: int | None = None, report: Report = lambda _: None
) -> ShrinkResult:
    """Return what a frame of each of ``sizes`` takes."""
    found = []
    with ThreadPoolExecutor(1) as helper:
        for number, (width, height) in enumerate(sizes):
            report(number / len(sizes))
            found.append(_of(width, height, samples or SAMPLES, helper))
    return ShrinkResult(found)


def _of(width: int, height: int, samples: int, helper: ThreadPoolExecutor) -> SizeShrink:
    """Return what a frame takes each way: the ways take turns, for a machine has slow spells."""
    image: Image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    ways: dict[str, Callable[[], object]] = {
        "opencv": lambda: cv2.resize(image, (CAPTURE_SIDE, CAPTURE_SIDE), interpolation=cv2.INTER_AREA),
        "alone": lambda: shrink(image),
        "helped": lambda: shrink(image, helper),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(samples + 1):
        for name, way in ways.items():
            way()  # each where memory is as it leaves it, as in a session
            start = time.perf_counter()
            way()
            if number:
                times[name].append(time.perf_counter() - start)
    return SizeShrink(f"{width}x{height}", **{name: Distribution.of(taken) for name, taken in times.items()})
