"""A whole session in virtual time: fakes at both ends, inline workers, the loop's own clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np

from ngrt.clock import Clock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.interfaces import EndOfSource, FrameSource, Observer, Watch
from ngrt.messages import STILL, Chunk, Guide, Image, PadState, Rumble
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import MeasuredPolicy, Predict
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.telemetry import Telemetry
from ngrt.pipeline.workers import InlineWorker, Worker
from ngrt.policy.actions import decode


class VirtualClock:
    """The event loop's clock."""

    def now(self) -> float:
        """Return its time."""
        return anyio.current_time()


@dataclass
class Screen:
    """Shows a new picture every ``interval``; the picture's first pixel is its number. Ends after ``frames``."""

    interval: float = 1 / 60
    frames: int | None = None
    still_after: int | None = None
    shown: int = 0
    fault: Exception | None = None
    name: str = "screen"
    age: float = 0.0
    grabs: int = 0

    def grab(self, now: float) -> Image | None:
        """Return the next picture, None where ``still_after`` have been shown."""
        if self.fault is not None:
            raise self.fault
        self.grabs += 1
        if self.still_after is not None and self.shown >= self.still_after:
            return None
        if self.frames is not None and self.shown >= self.frames:
            raise EndOfSource
        self.shown += 1
        return np.full((256, 256, 3), self.shown % 256, np.uint8)

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Logbook:
    """A pad that writes down what it is sent and when."""

    sent: list[tuple[float, PadState]] = field(default_factory=list)
    fault: Exception | None = None
    fault_after: int = 0
    name: str = "logbook"
    rumble: Rumble = STILL

    def send(self, state: PadState) -> None:
        """Write it down."""
        if self.fault is not None and len(self.sent) >= self.fault_after:
            fault, self.fault = self.fault, None
            raise fault
        self.sent.append((anyio.current_time(), state))

    def close(self) -> None:
        """Nothing to close."""


def always_south(frames: Sequence[Image], guide: Guide | None = None) -> Chunk:
    """Return a chunk that holds SOUTH down and pushes the left stick right."""
    actions = np.zeros((18, 25), np.float32)
    actions[:, 18] = 1
    actions[:, -4:] = (1, 0.5, 0.5, 0.5)
    return decode(actions, old_layout=False)


@dataclass
class Rig:
    """Everything in one place, to run and to inspect."""

    source: Screen = field(default_factory=Screen)
    pad: Logbook = field(default_factory=Logbook)
    predict: Predict = always_south
    inference: float = 0.05
    merging: Merging = field(default_factory=Merging)
    clock: Clock = field(default_factory=VirtualClock)
    reopen: Callable[[], FrameSource] | None = None
    costs: dict[str, float] = field(default_factory=dict)
    telemetry: Telemetry = field(default_factory=Telemetry)
    context: Context = field(default_factory=lambda: Context(1, 0.3))
    watches: Sequence[Watch] = ()
    observers: Sequence[Observer] = ()

    def worker(self, name: str) -> Worker:
        """Return an inline worker whose calls take this device's time."""
        cost = self.costs.get(name, self.inference if name == "infer" else 0.0)
        return InlineWorker(lambda: cost, self.clock)

    async def play(self, control: Control) -> None:
        """Run one session."""
        await run(
            Session(
                self.source,
                MeasuredPolicy(self.predict, 16, self.inference),
                self.context,
                self.pad,
                control,
                self.merging,
                self.clock,
                self.worker,
                self.reopen,
                self.telemetry,
                self.watches,
                observers=self.observers,
            )
        )
