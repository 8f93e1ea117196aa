"""The observations that a lossy engine is calibrated and checked on: from the user's files, or synthetic."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from ngrt.interfaces import EndOfSource
from ngrt.messages import Image
from ngrt.policy.preprocess import shrink
from ngrt.sources.images import read_image
from ngrt.sources.video import VideoSource
from ngrt.text import cut, printable

MOST = 24
"""Most observations: 24 chunks of 18 rows have 9072 buttons, enough to tell 99% from 98.5%."""

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Calibration:
    """Observations, each a tuple of frames, oldest first; ``source``: where they are from, in a few words."""

    observations: tuple[tuple[Image, ...], ...]
    source: str

    @classmethod
    def generated(cls, context: int) -> "Calibration":
        """Return observations of ``context`` synthetic frames each, always the same."""
        random = np.random.default_rng(SEED)
        return cls(tuple(tuple(picture(random) for _ in range(context)) for _ in range(MOST)), "generated")

    @classmethod
    def of_files(cls, paths: Sequence[Path], context: int) -> "Calibration":
        """Return observations of up to ``context`` frames, spread evenly over images and videos.

        :raises ngrt.errors.SourceError: a file cannot be read
        """
        frames = [shrink(image) for image in _spread(paths)]
        observations = [tuple(frames[max(0, last - context + 1) : last + 1]) for last in range(len(frames))]
        return cls(tuple(observations), printable(cut(", ".join(path.name for path in paths))))

    def split(self, every: int) -> tuple["Calibration", "Calibration"]:
        """Return every ``every``-th observation, and the others; as the others all, if there are too few to split."""
        few = len(self.observations) < every
        some = self.observations[::every]
        others = tuple(seen for number, seen in enumerate(self.observations) if few or number % every)
        return Calibration(some, self.source), Calibration(others, self.source)


def picture(random: np.random.Generator) -> Image:
    """Return a synthetic frame (256, 256, 3), with edges and gradients as in a game."""
    y, x = np.mgrid[0:256, 0:256] / 255
    image = np.stack([np.sin(random.uniform(1, 9) * x + random.uniform(1, 9) * y) for _ in range(3)], -1) * 80 + 128
    for _ in range(12):
        top, left = random.integers(0, 224, 2)
        image[top : top + random.integers(8, 64), left : left + random.integers(8, 64)] = random.integers(0, 256, 3)
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def _spread(paths: Sequence[Path]) -> list[Image]:
    """Return at most `MOST` frames at equal distances; keeps no more than twice as many in memory."""
    kept: list[Image] = []
    stride = 1
    for number, frame in enumerate(frame for path in paths for frame in _frames(path)):
        if number % stride:
            continue
        kept.append(frame)
        if len(kept) == 2 * MOST:
            kept, stride = kept[::2], 2 * stride
    return [kept[index] for index in np.linspace(0, len(kept) - 1, min(MOST, len(kept))).round().astype(int)]


def _frames(path: Path) -> Iterator[Image]:
    if path.suffix.lower() in IMAGES:
        yield read_image(path)
        return
    with VideoSource(path) as video, suppress(EndOfSource):
        for number in count():
            if (frame := video.grab(number * video.interval)) is not None:
                yield shrink(frame)
