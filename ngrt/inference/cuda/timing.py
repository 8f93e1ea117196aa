"""How long the stages of a chunk take on the device, by events on its stream. Off, it costs nothing."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from ngrt.clock import MonotonicClock
from ngrt.inference.cuda.driver import Cuda

Part = Literal["observe", "denoise"]
Kind = Literal["in", "compute", "out"]


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Milliseconds of one chunk, named as TensorRT's own benchmark names them.

    ``enqueue`` is the host's, until it waits; the rest is the device's: copies to it, the two graphs, the copy back.
    """

    enqueue: float
    h2d: float
    observe: float
    denoise: float
    d2h: float


class Stopwatch:
    """Times the stages of a chunk, if ``on``; its events are freed with ``things``."""

    def __init__(self, cuda: Cuda, things: ExitStack, *, on: bool) -> None:
        self._cuda, self._things, self._on = cuda, things, on
        self._clock = MonotonicClock()
        self._pairs: dict[tuple[Part, Kind], list[tuple[Any, Any]]] = {}
        self._idle: list[tuple[Any, Any]] = []
        self._started: dict[Part, float] = {}
        self._enqueue: dict[Part, float] = {}
        self.times: StageTimes | None = None
        """The last chunk's."""

    def start(self, part: Part) -> None:
        """Begin a part of a chunk; what was known of that part is forgotten."""
        if not self._on:
            return
        for key in [key for key in self._pairs if key[0] == part]:
            self._idle += self._pairs.pop(key)
        self._started[part] = self._clock.now()

    def stage(self, part: Part, kind: Kind) -> AbstractContextManager[None]:
        """Time what is put on the stream in the block."""
        return self._timed(part, kind) if self._on else nullcontext()

    def stop(self, part: Part) -> None:
        """End a part: all of it is on the stream."""
        if self._on:
            self._enqueue[part] = (self._clock.now() - self._started[part]) * 1000

    def read(self) -> None:
        """Take the times; the stream must be empty."""
        if self._on:
            self.times = StageTimes(
                enqueue=sum(self._enqueue.values()),
                h2d=self._sum("observe", "in") + self._sum("denoise", "in"),
                observe=self._sum("observe", "compute"),
                denoise=self._sum("denoise", "compute"),
                d2h=self._sum("denoise", "out"),
            )

    @contextmanager
    def _timed(self, part: Part, kind: Kind) -> Iterator[None]:
        pair = self._idle.pop() if self._idle else (self._cuda.event(self._things), self._cuda.event(self._things))
        self._cuda.mark(pair[0])
        yield
        self._cuda.mark(pair[1])
        self._pairs.setdefault((part, kind), []).append(pair)

    def _sum(self, part: Part, kind: Kind) -> float:
        return sum((self._cuda.between(*pair) for pair in self._pairs.get((part, kind), ())), 0.0)
