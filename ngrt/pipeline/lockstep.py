"""The game waits while the policy thinks, as under the reference's own loop: for comparison, and for slow machines.

Only for a game whose time stands still with the session's clock. While a verdict stands the game is not made to wait:
it is a person's then, or nobody's.
"""

import anyio

from ngrt.clock import PausableClock
from ngrt.messages import Frame, TimedChunk
from ngrt.pipeline.actuate import Actuator, neutral_afterwards
from ngrt.pipeline.capture import Camera
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.guard import INTERVAL
from ngrt.pipeline.infer import Thinker
from ngrt.pipeline.workers import Worker


async def lockstep(
    camera: Camera,
    thinker: Thinker,
    actuator: Actuator,
    clock: PausableClock,
    capturing: Worker,
    actuating: Worker,
    frames: Latest[list[Frame]],
    chunks: Latest[TimedChunk],
    execute: int,
) -> None:
    """Stop the clock, grab, think, let it go on, play ``execute`` rows; again. The pad ends neutral.

    :raises ngrt.errors.NgrtError: a device or the engine failed
    """
    following: float | None = actuator.grid.due(0)
    turn = 0

    def stop(now: float) -> None:
        clock.pause()

    def tick(now: float) -> float | None:
        nonlocal following
        following = actuator.step(now)
        return following if actuator.tick < turn else None

    try:
        async with neutral_afterwards(actuator.pad, actuating):
            while following is not None:
                await actuating.pace(stop, following)
                if await capturing.call(camera.step, clock.now()) is None:
                    chunks.close()
                elif (seen := frames.take()) is not None and not actuator.vetoed:
                    chunks.put(await _think(thinker, seen, actuator, actuating))
                clock.resume()
                turn = actuator.tick + execute
                await actuating.pace(tick, following)
    finally:
        clock.resume()  # the game must not be left frozen


async def _think(thinker: Thinker, seen: list[Frame], actuator: Actuator, actuating: Worker) -> TimedChunk:
    """Think; a verdict meanwhile reaches the pad at once, for no tick comes while the game stands still.

    :raises ngrt.errors.NgrtError: the pad or the engine failed
    """

    async def obey() -> None:
        while not actuator.vetoed:
            await anyio.sleep(INTERVAL)
        await actuating.call(actuator.obey)

    done: list[TimedChunk] = []
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(obey)
            done.append(await thinker.think(seen))
            tasks.cancel_scope.cancel()
    return done[0]
