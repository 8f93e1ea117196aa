"""Turn the newest frame into a chunk, again and again: the next inference starts as soon as the last one ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from ngrt.clock import Clock
from ngrt.control.merging import Merger
from ngrt.control.vetoes import Vetoes
from ngrt.errors import EngineError
from ngrt.interfaces import Observer
from ngrt.messages import Chunk, Frame, Guide, Image, TimedChunk
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.watchdog import Hung, unless_hung
from ngrt.pipeline.workers import Worker

Predict = Callable[[Sequence[Image], Guide | None], Chunk]
"""A policy with its steps, noise, guidance and game already chosen."""

LEAST_PATIENCE, PATIENCE = 5.0, 20
"""An engine hangs if a chunk takes this many seconds, and this many times as long as it took before the session."""


@dataclass(frozen=True)
class Planner:
    """What makes chunks: ``steps`` denoise steps each, ``latency`` seconds from a frame's capture, measured before."""

    predict: Predict
    steps: int
    latency: float

    @property
    def patience(self) -> float:
        """Seconds after which it counts as hung."""
        return max(LEAST_PATIENCE, PATIENCE * self.latency)


async def infer(thinker: "Thinker", frames: Latest[list[Frame]], chunks: Latest[TimedChunk]) -> None:
    """Think about the newest frame until ``frames`` is closed; then close ``chunks``.

    :raises ngrt.errors.EngineError: the engine failed or hangs
    """
    try:
        while True:
            seen = await frames.receive()
            chunks.put(await thinker.think(seen, frames.replaced))
    except anyio.EndOfStream:
        pass
    finally:
        chunks.close()


class Thinker:
    """Makes one chunk after the other, each in agreement with the last."""

    def __init__(
        self, planner: Planner, merger: Merger, worker: Worker, clock: Clock, vetoes: Vetoes, observer: Observer
    ) -> None:
        self._vetoes, self._observer = vetoes, observer
        self._planner, self._merger, self._worker, self._clock = planner, merger, worker, clock
        self._count = 0

    async def think(self, seen: Sequence[Frame], dropped: int = 0) -> TimedChunk:
        """Return the chunk for the frames ``seen``, oldest first; ``dropped``: frames so far that were replaced.

        :raises ngrt.errors.EngineError: the engine failed or hangs
        """
        newest, started = seen[-1], self._clock.now()
        self._observer.observation(newest, dropped)
        guide = self._merger.guide(newest.captured, self._vetoes.over)
        chunk = await self._predict(seen, guide)
        done = TimedChunk(self._count, newest.id, chunk, newest.captured, started, self._clock.now(), guide)
        self._count += 1
        self._merger.note(done)
        self._observer.chunk(done)
        return done

    async def _predict(self, seen: Sequence[Frame], guide: Guide | None) -> Chunk:
        planner, pictures = self._planner, [frame.image for frame in seen]
        try:
            return await unless_hung(lambda: self._worker.call(planner.predict, pictures, guide), planner.patience)
        except Hung as error:
            raise EngineError(
                f"the engine has not answered for {planner.patience:g} s",
                value=planner.patience,
                limit=f"{planner.latency:.3g} s is usual",
                remedy="restart it",
            ) from error
