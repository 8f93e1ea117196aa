"""The main loop: three tasks, joined by two channels that keep only the newest message.

    source --frames--> policy --chunks--> pad
    capture            infer              actuate

Each task has a worker of its own: a thread in which its device is called. Guards are polled beside them, each in a
thread of its own. In lockstep one task does all three in turn (`ngrt.pipeline.lockstep`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from ngrt.clock import Clock, PausableClock
from ngrt.control.context import Context
from ngrt.control.merging import GuideMaker, Merging
from ngrt.control.timeline import Grid, Timeline
from ngrt.control.vetoes import Vetoes
from ngrt.interfaces import FrameSource, Observer, Pad, Watch
from ngrt.messages import Frame, TimedChunk
from ngrt.pipeline.actuate import Actuator, Control, actuate
from ngrt.pipeline.capture import Capturer, CaptureSetup, capture
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.guard import guard
from ngrt.pipeline.infer import ChunkMaker, MeasuredPolicy, infer
from ngrt.pipeline.lockstep import lockstep
from ngrt.pipeline.observer import Observers
from ngrt.pipeline.telemetry import Telemetry
from ngrt.pipeline.workers import Worker


@dataclass(frozen=True)
class Session:
    """Everything that one session of play needs, open and ready.

    ``worker``: makes the worker of a task, by its name. ``reopen``: closes the source and opens it anew, None if it
    cannot be opened again. ``clock``: in lockstep one that can be paused. ``watches``: guards that may take the pad
    from the policy, through ``vetoes``. ``observers``: told of everything that happens, after ``telemetry``, which
    keeps the figures.
    """

    source: FrameSource
    policy: MeasuredPolicy
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

    def capture_setup(self, observer: Observer) -> CaptureSetup:
        """Return how to capture the source: as often as its picture changes, and at least once a tick.

        A picture that has not changed is passed on once a tick: the game still shows it.
        """
        tick = 1 / self.control.rate
        every = min(self.source.interval, tick)
        return CaptureSetup(self.source, every, self.context, self.vetoes, self.reopen, tick, observer)


async def run(session: Session) -> None:
    """Play until the ticks are done or the source ends. However it ends, the pad is neutral afterwards.

    Play begins once every guard has answered for the first time, or is overdue.

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
    """Build the three tasks and run them until the pad's is done."""
    clock, control, vetoes = session.clock, session.control, session.vetoes
    observer = Observers((session.telemetry, *session.observers))
    setup = session.capture_setup(observer)
    capturing, inferring, actuating = workers["capture"], workers["infer"], workers["actuate"]
    frames, chunks = Latest[list[Frame]](), Latest[TimedChunk]()
    grid = Grid(clock.now(), 1 / control.rate, control.shift)
    guide_maker = GuideMaker(session.merging, grid, session.policy.steps, session.policy.latency)
    timeline = Timeline(grid, blend=session.merging.mode == "blend")
    chunk_maker = ChunkMaker(session.policy, guide_maker, inferring, clock, vetoes, observer)
    actuator = Actuator(session.pad, control, grid, timeline, clock, chunks, vetoes, observer)
    if isinstance(clock, PausableClock) and session.merging.mode == "lockstep":
        capturer, execute = Capturer(setup, clock, frames), session.merging.execute
        await lockstep(capturer, chunk_maker, actuator, clock, capturing, actuating, frames, chunks, execute)
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(capture, setup, capturing, session.worker, clock, frames)
        tasks.start_soon(infer, chunk_maker, frames, chunks)
        await actuate(actuator, actuating)
        tasks.cancel_scope.cancel()
