"""Turn the newest frame into a chunk, again and again: the next inference starts as soon as the last one ends."""

from collections.abc import Callable, Sequence
from itertools import count

import anyio

from ngrt.channels import Latest
from ngrt.clock import Clock
from ngrt.context import Context
from ngrt.messages import Chunk, Frame, Image, TimedChunk
from ngrt.telemetry import Telemetry
from ngrt.workers import Worker

Predict = Callable[[Sequence[Image]], Chunk]
"""A policy with its steps, guidance and game already chosen."""


async def infer(
    predict: Predict,
    context: Context,
    worker: Worker,
    clock: Clock,
    frames: Latest[Frame],
    chunks: Latest[TimedChunk],
    telemetry: Telemetry,
) -> None:
    """Predict on the newest frame until ``frames`` is closed; then close ``chunks``."""
    try:
        for number in count():
            frame = await frames.receive()
            telemetry.frame(frame)
            telemetry.dropped(frames.replaced)
            started = clock.now()
            chunk = await worker.call(predict, [seen.image for seen in context.observe(frame)])
            done = TimedChunk(number, frame.id, chunk, frame.captured, started, clock.now())
            telemetry.chunk(done)
            chunks.put(done)
    except anyio.EndOfStream:
        pass
    finally:
        chunks.close()
