"""The main loop: capture, infer and actuate as three tasks, joined by two channels that keep the latest.

source --frames--> policy --chunks--> pad
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio

from ngrt.channels import Latest
from ngrt.chunks import Grid, Timeline
from ngrt.clock import Clock, PausableClock
from ngrt.context import Context
from ngrt.interfaces import FrameSource, Pad, Watch
from ngrt.merging import Merger, Merging
from ngrt.messages import Frame, TimedChunk
from ngrt.pipeline.actuate import Actuator, Control, actuate
from ngrt.pipeline.capture import Camera, Watching, capture
from ngrt.pipeline.guard import guard
from ngrt.pipeline.infer import Planner, Thinker, infer
from ngrt.pipeline.lockstep import lockstep
from ngrt.telemetry import Telemetry
from ngrt.vetoes import Vetoes
from ngrt.workers import Worker


@dataclass(frozen=True)
class Session:
    """All that one session of play needs, open and ready. ``worker`` makes the worker of a device, by its name.

    ``reopen`` closes the source and opens it anew, where that makes sense. In lockstep the clock is one that can be
    paused. ``watches`` may take the pad from the policy, by ``vetoes``.
    """

    source: FrameSource
    planner: Planner
    context: Context
    pad: Pad
    control: Control
    merging: Merging
    clock: Clock | PausableClock
    worker: Callable[[str], Worker]
    reopen: Callable[[], FrameSource] | None = None
    telemetry: Telemetry = field(default_factory=Telemetry)
    watches: Sequence[Watch] = ()
    vetoes: Vetoes = field(default_factory=Vetoes)

    @property
    def watching(self) -> Watching:
        """What is watched, as often as it changes, and at least once a tick.

        A picture that has not changed is news as well: what it shows is still so.
        """
        interval = min(self.source.interval, 1 / self.control.rate)
        return Watching(self.source, interval, self.context, self.vetoes, self.reopen)


async def run(session: Session) -> None:
    """Play until the ticks are done or the source ends. However it ends, the pad is neutral afterwards.

    :raises ngrt.errors.NgrtError: a device or the engine failed
    :raises ngrt.interfaces.StoppedByPerson: a person wanted it to end at once
    """
    clock, control, telemetry = session.clock, session.control, session.telemetry
    frames, chunks = Latest[list[Frame]](), Latest[TimedChunk]()
    grid = Grid(clock.now(), 1 / control.rate, control.shift)
    merger = Merger(session.merging, grid, session.planner.steps, session.planner.latency)
    timeline = Timeline(grid, blend=session.merging.mode == "blend")
    looking, thinking, ticking = (session.worker(name) for name in ("capture", "infer", "actuate"))
    guarding = [session.worker(f"guard-{number}") for number in range(len(session.watches))]
    thinker = Thinker(session.planner, merger, thinking, clock, telemetry)
    actuator = Actuator(session.pad, control, grid, timeline, clock, chunks, session.vetoes, telemetry.tick)
    try:
        if isinstance(clock, PausableClock) and session.merging.mode == "lockstep":
            camera, execute = Camera(session.watching, clock, frames), session.merging.execute
            await lockstep(camera, thinker, actuator, clock, looking, ticking, frames, chunks, execute)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(capture, session.watching, looking, session.worker, clock, frames, telemetry.note)
            tasks.start_soon(infer, thinker, frames, chunks)
            for watch, worker in zip(session.watches, guarding, strict=True):
                tasks.start_soon(guard, watch, session.vetoes, worker, clock)
            await actuate(actuator, ticking)
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise first_failure(group) from group
    finally:
        for worker in (looking, thinking, ticking, *guarding):
            worker.close()


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside a group: the one that ended the session."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
