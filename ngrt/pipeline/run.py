"""The main loop: capture, infer and actuate as three tasks, joined by two channels that keep the latest.

source --frames--> policy --chunks--> pad
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from ngrt.channels import Latest
from ngrt.clock import Clock
from ngrt.context import Context
from ngrt.interfaces import FrameSource, Pad
from ngrt.messages import Frame, TimedChunk
from ngrt.pipeline.actuate import Control, actuate
from ngrt.pipeline.capture import capture
from ngrt.pipeline.infer import Predict, infer
from ngrt.telemetry import Telemetry
from ngrt.workers import Worker


@dataclass(frozen=True)
class Session:
    """All that one session of play needs, open and ready. ``worker`` makes the worker of a device, by its name."""

    source: FrameSource
    predict: Predict
    context: Context
    pad: Pad
    control: Control
    clock: Clock
    worker: Callable[[str], Worker]
    telemetry: Telemetry = field(default_factory=Telemetry)

    @property
    def look_every(self) -> float:
        """Seconds between two looks at the source: as often as it changes, and at least once a tick.

        A picture that has not changed is news as well: what it shows is still so.
        """
        return min(self.source.interval, 1 / self.control.rate)


async def run(session: Session) -> None:
    """Play until the ticks are done or the source ends. However it ends, the pad is neutral afterwards.

    :raises ngrt.errors.NgrtError: a device or the engine failed
    """
    frames, chunks = Latest[list[Frame]](), Latest[TimedChunk]()
    clock, telemetry = session.clock, session.telemetry
    workers = {name: session.worker(name) for name in ("capture", "infer", "actuate")}
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                capture, session.source, session.look_every, session.context, workers["capture"], clock, frames
            )
            tasks.start_soon(infer, session.predict, workers["infer"], clock, frames, chunks, telemetry)
            await actuate(session.pad, session.control, workers["actuate"], clock, chunks, telemetry.tick)
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise first_failure(group) from group
    finally:
        for worker in workers.values():
            worker.close()


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside a group: the one that ended the session."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
