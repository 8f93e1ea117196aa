"""Turn the newest observation into a chunk, again and again: inference starts anew as soon as a chunk is ready."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from ngrt.clock import Clock
from ngrt.control.merging import GuideMaker
from ngrt.control.vetoes import Vetoes
from ngrt.errors import EngineError
from ngrt.interfaces import Observer
from ngrt.messages import Chunk, Frame, Guide, Image, TimedChunk
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.watchdog import Hung, unless_hung
from ngrt.pipeline.workers import Worker

Predict = Callable[[Sequence[Image], Guide | None], Chunk]
"""A policy with its steps, noise, guidance and game already chosen: frames (oldest first) and a guide to a chunk."""

LEAST_PATIENCE, PATIENCE = 5.0, 20
"""An engine hangs if a chunk takes this many seconds, and this many times as long as it took before the session."""


@dataclass(frozen=True)
class MeasuredPolicy:
    """What makes chunks. ``steps``: denoise steps of each; ``latency``: seconds from a frame's capture, measured."""

    predict: Predict
    steps: int
    latency: float

    @property
    def patience(self) -> float:
        """Seconds after which it counts as hung."""
        return max(LEAST_PATIENCE, PATIENCE * self.latency)


async def infer(chunk_maker: "ChunkMaker", frames: Latest[list[Frame]], chunks: Latest[TimedChunk]) -> None:
    """Make a chunk for the newest observation until ``frames`` is closed; then close ``chunks``.

    :raises ngrt.errors.EngineError: the engine failed or hangs
    """
    try:
        while True:
            observed = await frames.receive()
            chunks.put(await chunk_maker.make(observed, frames.replaced))
    except anyio.EndOfStream:
        pass
    finally:
        chunks.close()


class ChunkMaker:
    """Makes one chunk after the other, each guided by the last."""

    def __init__(
        self,
        policy: MeasuredPolicy,
        guide_maker: GuideMaker,
        worker: Worker,
        clock: Clock,
        vetoes: Vetoes,
        observer: Observer,
    ) -> None:
        self._policy, self._guide_maker, self._worker, self._clock = policy, guide_maker, worker, clock
        self._vetoes, self._observer = vetoes, observer
        self._count = 0

    async def make(self, observed: Sequence[Frame], dropped: int = 0) -> TimedChunk:
        """Return the chunk for the frames ``observed``, oldest first; ``dropped``: frames replaced so far.

        :raises ngrt.errors.EngineError: the engine failed or hangs
        """
        newest, started = observed[-1], self._clock.now()
        self._observer.observation(newest, dropped)
        guide = self._guide_maker.guide(newest.captured, self._vetoes.valid_from)
        chunk = await self._predict(observed, guide)
        done = TimedChunk(self._count, newest.id, chunk, newest.captured, started, self._clock.now(), guide)
        self._count += 1
        self._guide_maker.remember(done)
        self._observer.chunk(done)
        return done

    async def _predict(self, observed: Sequence[Frame], guide: Guide | None) -> Chunk:
        policy, pictures = self._policy, [frame.image for frame in observed]
        try:
            return await unless_hung(lambda: self._worker.call(policy.predict, pictures, guide), policy.patience)
        except Hung as error:
            raise EngineError(
                f"the engine has not answered for {policy.patience:g} s",
                value=policy.patience,
                limit=f"{policy.latency:.3g} s is usual",
                remedy="restart it",
            ) from error
