"""Turn the newest frame into a chunk, again and again: the next inference starts as soon as the last one ends."""

from collections.abc import Callable, Sequence
from itertools import count

import anyio

from ngrt.channels import Latest
from ngrt.clock import Clock
from ngrt.messages import Chunk, Frame, Image, TimedChunk
from ngrt.telemetry import Telemetry
from ngrt.workers import Worker

Predict = Callable[[Sequence[Image]], Chunk]
"""A policy with its steps, guidance and game already chosen."""


async def infer(
    predict: Predict,
    worker: Worker,
    clock: Clock,
    frames: Latest[list[Frame]],
    chunks: Latest[TimedChunk],
    telemetry: Telemetry,
) -> None:
    """Predict on the newest frame until ``frames`` is closed; then close ``chunks``."""
    try:
        for number in count():
            seen = await frames.receive()
            newest = seen[-1]
            telemetry.frame(newest)
            telemetry.dropped(frames.replaced)
            started = clock.now()
            chunk = await worker.call(predict, [frame.image for frame in seen])
            done = TimedChunk(number, newest.id, chunk, newest.captured, started, clock.now())
            telemetry.chunk(done)
            chunks.put(done)
    except anyio.EndOfStream:
        pass
    finally:
        chunks.close()
