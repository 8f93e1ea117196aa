"""The game waits while the policy thinks, as in the reference's own loop: for comparison, and for slow machines.

Only for a game that stands still with the session's clock. While a guard or a person has the pad, the game goes on.
"""

import anyio

from ngrt.clock import PausableClock
from ngrt.messages import Frame, TimedChunk
from ngrt.pipeline.actuate import Actuator, neutral_afterwards
from ngrt.pipeline.capture import Capturer
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.guard import INTERVAL
from ngrt.pipeline.infer import ChunkMaker
from ngrt.pipeline.workers import Worker


async def lockstep(
    capturer: Capturer,
    chunk_maker: ChunkMaker,
    actuator: Actuator,
    clock: PausableClock,
    capturing: Worker,
    actuating: Worker,
    frames: Latest[list[Frame]],
    chunks: Latest[TimedChunk],
    execute: int,
) -> None:
    """Stop the clock, grab, make a chunk, start the clock, play ``execute`` rows; again. The pad ends neutral.

    :raises ngrt.errors.NgrtError: a device or the engine failed
    """
    next_due: float | None = actuator.grid.due(0)
    end_of_turn = 0

    def stop(now: float) -> None:
        clock.pause()

    def tick(now: float) -> float | None:
        nonlocal next_due
        next_due = actuator.step(now)
        return next_due if actuator.tick < end_of_turn else None

    try:
        async with neutral_afterwards(actuator.pad, actuating):
            while next_due is not None:
                await actuating.pace(stop, next_due)
                if await capturing.call(capturer.step, clock.now()) is None:
                    chunks.close()
                elif (observed := frames.take()) is not None and not actuator.vetoed:
                    chunks.put(await _make_chunk(chunk_maker, observed, actuator, actuating))
                clock.resume()
                end_of_turn = actuator.tick + execute
                await actuating.pace(tick, next_due)
    finally:
        clock.resume()  # the game must not be left frozen


async def _make_chunk(
    chunk_maker: ChunkMaker, observed: list[Frame], actuator: Actuator, actuating: Worker
) -> TimedChunk:
    """Make a chunk. No tick comes while the game stands still, so a verdict meanwhile is sent to the pad from here.

    :raises ngrt.errors.NgrtError: the pad or the engine failed
    """

    async def send_verdict() -> None:
        while not actuator.vetoed:
            await anyio.sleep(INTERVAL)
        await actuating.call(actuator.send_verdict)

    done: list[TimedChunk] = []
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_verdict)
            done.append(await chunk_maker.make(observed))
            tasks.cancel_scope.cancel()
    return done[0]
