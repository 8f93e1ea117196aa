"""How late ticks are, idle and with an engine flat out on its threads; beside them the loop that is usually written.

Both run for as long, one after the other, under the same load.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
import numpy as np

from bench.schema.distribution import Distribution
from bench.subjects.subjects import AnySubject, Subject
from bench.suites.suite import Effort, Inputs, Ready
from ngrt.clock import MonotonicClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.fakes import FakePolicy, FakeSource
from ngrt.inference.open import open_policy
from ngrt.interfaces import Observer, Policy
from ngrt.messages import Chunk, Guide, Image, Tick, TimedChunk
from ngrt.pads.recording import RecordingPad
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import MeasuredPolicy, Predict
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.workers import ThreadWorker
from ngrt.policy.preprocess import CAPTURE_SIDE
from ngrt.policy.shipped import arcade_engine
from ngrt.session.latency import engine_threads

SECONDS = 60.0
RATE = 60.0
BLACK = np.zeros((CAPTURE_SIDE, CAPTURE_SIDE, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Settings:
    """``control_seconds``: of each of the four loops."""

    control_seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Ticking:
    """How a loop kept its deadlines: seconds late of each tick that was done, and how many of all were not."""

    late: Distribution
    ticks: int
    missed: int

    def line(self) -> str:
        """Return it for people."""
        return f"{self.late.line('ms')}; missed {self.missed} of {self.ticks} ({self.missed / self.ticks:.2%})"


@dataclass(frozen=True, slots=True)
class ControlResult:
    """ngrt's ticks and a naive loop's, idle and with ``chunks`` made meanwhile by ``engine`` on ``threads``."""

    rate: float
    seconds: float
    engine: str
    threads: int
    steps: int
    chunks: int
    idle: Ticking
    idle_naive: Ticking
    loaded: Ticking
    loaded_naive: Ticking

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        return [
            ("", f"{self.rate:g} Hz, {self.seconds:g} s each; milliseconds late"),
            ("idle, ngrt", self.idle.line()),
            ("idle, asyncio.sleep(dt)", self.idle_naive.line()),
            ("engine flat out, ngrt", self.loaded.line()),
            ("engine flat out, asyncio.sleep(dt)", self.loaded_naive.line()),
            ("engine", f"{self.engine}, {self.steps} steps, {self.threads} threads, {self.chunks} chunks meanwhile"),
        ]


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures."""
    own = effort.of(Settings)
    return Ready(lambda _: measure(inputs.any_engines[0], own.control_seconds), own)


def measure(engine: AnySubject | None = None, seconds: float = SECONDS, rate: float = RATE) -> ControlResult:
    """Return how late the ticks of ``seconds`` at ``rate`` are, under no load and under that of ``engine``.

    ``engine``: a bundle, the one that ships with ngrt if None.
    """
    subject, threads = Subject.of(engine or arcade_engine()), engine_threads(None)
    with open_policy(subject.folder, backend=subject.backend, threads=threads) as policy:
        idle, _ = ticking(FakePolicy(), seconds, rate)
        idle_naive = naive(seconds, rate)
        loaded, chunks = ticking(policy, seconds, rate)
        with busy(policy):
            loaded_naive = naive(seconds, rate)
    return ControlResult(
        rate, seconds, subject.folder.name, threads, policy.spec.steps, chunks, idle, idle_naive, loaded, loaded_naive
    )


@dataclass
class _Lateness(Observer):
    """Keeps how late each tick was, and counts the ticks that were missed and the chunks that were made meanwhile."""

    late: list[float] = field(default_factory=list)
    missed: int = 0
    chunks: int = 0

    def chunk(self, chunk: TimedChunk) -> None:
        self.chunks += 1

    def tick(self, tick: Tick, missed: int) -> None:
        self.late.append(tick.late)
        self.missed += missed


def ticking(policy: Policy, seconds: float, rate: float) -> tuple[Ticking, int]:
    """Return how the whole pipeline keeps its ticks while ``policy`` makes chunks without a pause, and how many."""
    clock, lateness, ticks = MonotonicClock(), _Lateness(), round(seconds * rate)
    session = Session(
        FakeSource(rate),
        MeasuredPolicy(_predict(policy), policy.spec.steps, 1.0),
        Context(1, 1.0),
        RecordingPad(),
        Control(rate, ticks=ticks, max_age=60),
        Merging(),
        clock,
        lambda name: ThreadWorker(name, clock),
        observers=[lateness],
    )
    anyio.run(run, session)
    return Ticking(Distribution.of(lateness.late), ticks, lateness.missed), lateness.chunks


def naive(seconds: float, rate: float) -> Ticking:
    """Return how a loop keeps its ticks that sleeps for an interval on the event loop after each."""
    late: list[float] = []

    async def loop() -> None:
        start = time.perf_counter()
        while (now := time.perf_counter()) < start + seconds:
            late.append(now - (start + len(late) / rate))
            await asyncio.sleep(1 / rate)

    asyncio.run(loop())
    ticks = round(seconds * rate)
    return Ticking(Distribution.of(late), ticks, max(0, ticks - len(late)))


@contextmanager
def busy(policy: Policy) -> Iterator[None]:
    """Let ``policy`` make one chunk after the other in a thread of its own."""
    stop, predict = threading.Event(), _predict(policy)

    def work() -> None:
        while not stop.is_set():
            predict([BLACK], None)

    worker = threading.Thread(target=work, name="bench-load")
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _predict(policy: Policy) -> Predict:
    def predict(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        return policy.predict(frames)

    return predict
