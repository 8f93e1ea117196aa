"""What everything but the model costs between frame and pad: the whole pipeline on threads, with an instant policy."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np

from bench.schema.distribution import Distribution
from bench.suites.suite import Effort, Inputs, Ready
from ngrt.clock import MonotonicClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.control.timeline import Grid, Timeline
from ngrt.interfaces import Observer
from ngrt.messages import STILL, Chunk, Guide, Image, PadState, TimedChunk
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import MeasuredPolicy
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.workers import ThreadWorker
from ngrt.policy.actions import decode, lock_menus
from ngrt.policy.preprocess import observation
from ngrt.resource import Resource

SECONDS = 20.0
RATE = 60.0
TICKS = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """``seconds`` of the pipeline, ``ticks`` by themselves."""

    seconds: float = SECONDS
    ticks: int = TICKS


@dataclass(frozen=True, slots=True)
class OverheadResult:
    """Seconds from before the grab of a 1280 x 720 screen to a chunk that can be played, and of one tick's own work."""

    frame_to_chunk: Distribution
    tick: Distribution

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        return [
            ("frame to chunk, model excepted", self.frame_to_chunk.line("ms")),
            ("tick, row to pad state", self.tick.line("us")),
        ]


@dataclass
class _Screen(Resource):
    """A 1280 x 720 screen that always shows something new; the copy stands for the grab."""

    name = "screen"
    age = 0.0
    interval = 1 / RATE
    picture: Image = field(default_factory=lambda: np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8))

    def grab(self, now: float) -> Image | None:
        return self.picture.copy()

    def close(self) -> None:
        """Nothing to close."""


class _Pad(Resource):
    name = "none"
    rumble = STILL

    def send(self, state: PadState) -> None:
        """Take no time: what a real driver takes is its own."""

    def close(self) -> None:
        """Nothing to close."""


class _ChunkTimes(Observer):
    """Keeps the seconds from capture to chunk of every chunk."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def chunk(self, chunk: TimedChunk) -> None:
        self.seconds.append(chunk.finished - chunk.captured)


def prepare(_: Inputs, effort: Effort) -> Ready:
    """Return what measures."""
    own = effort.of(Settings)
    return Ready(lambda _: measure(own.seconds, own.ticks), own)


def measure(seconds: float = SECONDS, ticks: int = TICKS) -> OverheadResult:
    """Return what ``seconds`` of the pipeline and ``ticks`` ticks cost beside the model."""
    return OverheadResult(frame_to_chunk(seconds), tick_work(ticks))


def frame_to_chunk(seconds: float = SECONDS) -> Distribution:
    """Return seconds from before the grab to a chunk the pad can play: grab, shrink, channel, threads, decode.

    ``seconds``: how long; longer on a machine that is too busy for a single chunk in that time.
    """
    times = _ChunkTimes()
    while not times.seconds:
        anyio.run(run, _session(times, seconds))
        seconds *= 2
    return Distribution.of(times.seconds)


def _session(times: _ChunkTimes, seconds: float) -> Session:
    raw = np.random.default_rng(0).random((18, 25), np.float32)

    def instant(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        observation(frames, 256)
        return decode(raw, old_layout=False)

    clock = MonotonicClock()
    control = Control(RATE, ticks=round(seconds * RATE))
    return Session(
        _Screen(),
        MeasuredPolicy(instant, 1, 0.0),
        Context(1, 0.3),
        _Pad(),
        control,
        Merging(),
        clock,
        lambda name: ThreadWorker(name, clock),
        observers=[times],
    )


def tick_work(samples: int = TICKS) -> Distribution:
    """Return seconds a tick takes from its row to the pad state it sends."""
    chunk = decode(np.random.default_rng(0).random((18, 25), np.float32), old_layout=False)
    times = []
    for number in range(samples):
        timeline = Timeline(Grid(0.0, 1 / RATE))
        timeline.add(TimedChunk(number, number, chunk, 0.0, 0.0, 0.0))
        start = time.perf_counter()
        row = timeline.at(5)
        if row is not None:
            lock_menus(row.state)
        times.append(time.perf_counter() - start)
    return Distribution.of(times)
