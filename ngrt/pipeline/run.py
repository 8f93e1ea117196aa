"""The main loop: capture, infer and actuate as three tasks, joined by two channels that keep the latest.

source --frames--> policy --chunks--> pad
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from ngrt.clock import Clock, PausableClock
from ngrt.control.context import Context
from ngrt.control.merging import Merger, Merging
from ngrt.control.timeline import Grid, Timeline
from ngrt.control.vetoes import Vetoes
from ngrt.interfaces import FrameSource, Observer, Pad, Watch
from ngrt.messages import Frame, TimedChunk
from ngrt.pipeline.actuate import Actuator, Control, actuate
from ngrt.pipeline.capture import Camera, Watching, capture
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.guard import guard
from ngrt.pipeline.infer import Planner, Thinker, infer
from ngrt.pipeline.lockstep import lockstep
from ngrt.pipeline.observer import Observers
from ngrt.pipeline.telemetry import Telemetry
from ngrt.pipeline.workers import Worker


@dataclass(frozen=True)
class Session:
    """All that one session of play needs, open and ready. ``worker`` makes the worker of a device, by its name.

    ``reopen`` closes the source and opens it anew, where that makes sense. In lockstep the clock is one that can be
    paused. ``watches`` may take the pad from the policy, by ``vetoes``. ``observers`` are told of all that happens, the
    ``telemetry``, which keeps the figures, before the others.
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
    observers: Sequence[Observer] = ()
    vetoes: Vetoes = field(default_factory=Vetoes)

    def watching(self, observer: Observer) -> Watching:
        """What is watched, as often as it changes, and at least once a tick.

        A picture that has not changed is news as well, once a tick: what it shows is still so.
        """
        tick = 1 / self.control.rate
        every = min(self.source.interval, tick)
        return Watching(self.source, every, self.context, self.vetoes, self.reopen, tick, observer)


async def run(session: Session) -> None:
    """Play until the ticks are done or the source ends. However it ends, the pad is neutral afterwards.

    Play begins once every watch has said whether it may, or has failed to.

    :raises ngrt.errors.NgrtError: a device or the engine failed
    :raises ngrt.interfaces.StoppedByPerson: a person wanted it to end at once
    """
    guarding = [session.worker(f"guard-{number}") for number in range(len(session.watches))]
    playing = {name: session.worker(name) for name in ("capture", "infer", "actuate")}
    try:
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                for watch, worker in zip(session.watches, guarding, strict=True):
                    await tasks.start(guard, watch, session.vetoes, worker)
                await _play(session, playing)
                tasks.cancel_scope.cancel()
    finally:
        for worker in (*guarding, *playing.values()):
            worker.close()


async def _play(session: Session, workers: Mapping[str, Worker]) -> None:
    clock, control, vetoes = session.clock, session.control, session.vetoes
    observer = Observers((session.telemetry, *session.observers))
    capturing, inferring, actuating = workers["capture"], workers["infer"], workers["actuate"]
    frames, chunks = Latest[list[Frame]](), Latest[TimedChunk]()
    grid = Grid(clock.now(), 1 / control.rate, control.shift)
    merger = Merger(session.merging, grid, session.planner.steps, session.planner.latency)
    timeline = Timeline(grid, blend=session.merging.mode == "blend")
    thinker = Thinker(session.planner, merger, inferring, clock, vetoes, observer)
    actuator = Actuator(session.pad, control, grid, timeline, clock, chunks, vetoes, observer)
    if isinstance(clock, PausableClock) and session.merging.mode == "lockstep":
        camera, execute = Camera(session.watching(observer), clock, frames), session.merging.execute
        await lockstep(camera, thinker, actuator, clock, capturing, actuating, frames, chunks, execute)
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(capture, session.watching(observer), capturing, session.worker, clock, frames)
        tasks.start_soon(infer, thinker, frames, chunks)
        await actuate(actuator, actuating)
        tasks.cancel_scope.cancel()
