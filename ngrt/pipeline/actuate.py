"""At every tick, put the pad into the state meant for that tick: played, held for a while, or neutral.

While a veto holds, the pad is neutral or does what a person does.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio

from ngrt.clock import Clock
from ngrt.control.pacing import next_deadline
from ngrt.control.timeline import Grid, Timeline
from ngrt.control.vetoes import Vetoes
from ngrt.errors import PadError
from ngrt.interfaces import Observer, Pad
from ngrt.messages import NEUTRAL, PadState, Tick, TimedChunk, Verdict
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.workers import PATIENCE, Worker
from ngrt.policy.actions import lock_menus


@dataclass(frozen=True, slots=True)
class Control:
    """The rules of one session's control.

    ``rate``: ticks a second; ``ticks``: until the end, None for no end; ``hold``: ticks that the last state is held
    where no row is there; ``max_age``: seconds after a frame's capture in which its chunk may move the pad; ``shift``:
    ticks that each row is played later; ``allow_menu``: whether the policy may press buttons that open menus.
    """

    rate: float
    ticks: int | None = None
    hold: int = 6
    max_age: float = 0.25
    shift: int = 0
    allow_menu: bool = False


async def actuate(actuator: "Actuator", worker: Worker) -> None:
    """Tick until the session's ticks are done, or the last chunk is played out. The pad ends neutral.

    :raises ngrt.errors.PadError: the pad failed, or hangs and may not be neutral
    """
    async with neutral_afterwards(actuator.pad, worker):
        with anyio.move_on_after(actuator.time_limit):  # a pad that hangs must not hold the session up
            await worker.pace(actuator.step, actuator.grid.due(0))


@asynccontextmanager
async def neutral_afterwards(pad: Pad, worker: Worker) -> AsyncIterator[None]:
    """Make the pad neutral at the end of the block, whatever happens in it.

    :raises ngrt.errors.PadError: it hangs, or it fails and nothing else failed before
    """
    failed = True
    try:
        yield
        failed = False
    except anyio.get_cancelled_exc_class():
        failed = False
        raise
    finally:
        try:
            await _release(pad, worker)
        except Exception:
            if not failed:
                raise
            # else the first failure is raised: it says more than one that follows from it


async def _release(pad: Pad, worker: Worker) -> None:
    """Make the pad neutral. If it hangs, the call is left behind in the worker.

    :raises ngrt.errors.PadError: it hangs or fails
    """
    with anyio.move_on_after(0 if worker.stuck else PATIENCE, shield=True) as limit:
        await worker.call(pad.send, NEUTRAL)
    if limit.cancelled_caught:
        raise PadError(
            f"pad {pad.name} has not answered for {PATIENCE:g} s and may not be neutral",
            remedy="unplug or restart it",
        )


class Actuator:
    """Does one tick after the other: sends the pad the state that ``timeline`` has for the tick, or a verdict's."""

    def __init__(
        self,
        pad: Pad,
        control: Control,
        grid: Grid,
        timeline: Timeline,
        clock: Clock,
        chunks: Latest[TimedChunk],
        vetoes: Vetoes,
        observer: Observer,
    ) -> None:
        self.pad, self.grid = pad, grid
        self.tick = 0
        """Number of the next tick."""
        self._control, self._timeline, self._clock = control, timeline, clock
        self._chunks, self._vetoes, self._observer = chunks, vetoes, observer
        self._last: tuple[PadState, TimedChunk] | None = None
        self._newest: TimedChunk | None = None
        self._held = 0
        self._was_vetoed = False

    @property
    def time_limit(self) -> float:
        """Seconds that all ticks may take, a slow pad included."""
        return math.inf if self._control.ticks is None else self._control.ticks / self._control.rate + PATIENCE

    def step(self, now: float) -> float | None:
        """Do the tick that is due; return the next deadline, or None at the end."""
        end = self._control.ticks
        skipped = self._skip_missed_ticks(now)
        due = self.grid.due(self.tick)
        ended = self._chunks.closed  # read before taking: a chunk that was put before closing is still taken below
        verdict = self._current_verdict(now)
        if (chunk := self._chunks.take()) is not None:
            self._newest = chunk
            if chunk.captured >= self._vetoes.valid_from:
                self._timeline.add(chunk)
        tick = self._decide(due, now)
        if ended and tick.source == "neutral":
            return None
        if verdict is not None:
            meant, note = self._meant_state(), verdict.note
            tick = Tick(self.tick, due, now, verdict.state, verdict.source, note=note, meant=meant)
        self.pad.send(tick.state)
        tick = replace(tick, rumble=self.pad.rumble)
        _, missed = next_deadline(due, self._clock.now(), self.grid.interval)
        if end is not None:
            missed = min(missed, end - self.tick - 1)
        self._observer.tick(tick, skipped + missed)
        self.tick += 1 + missed
        return self.grid.due(self.tick) if end is None or self.tick < end else None

    @property
    def vetoed(self) -> bool:
        """Whether a verdict keeps the policy from playing now."""
        return self._vetoes.strongest is not None

    def send_verdict(self) -> None:
        """Put the pad into the state of the verdict that holds, if any, between ticks."""
        if (verdict := self._vetoes.strongest) is not None:
            self.pad.send(verdict.state)

    def _current_verdict(self, now: float) -> Verdict | None:
        """Return the verdict that holds at this tick.

        While one holds, all chunks are forgotten: the game has changed since. The first frame that moves the pad again
        is one captured after the first tick without a verdict.
        """
        verdict = self._vetoes.strongest
        if verdict is not None or self._was_vetoed:
            self._vetoes.valid_from = now
            self._timeline.clear()
            self._last = None
        self._was_vetoed = verdict is not None
        return verdict

    def _meant_state(self) -> PadState | None:
        """Return what the policy would do at this tick if no verdict held, for observers; None if it has no row."""
        if self._newest is None:
            return None
        row = self.tick - self.grid.first_row_tick(self._newest.captured)
        return self._newest.chunk.pad(row) if 0 <= row < self._newest.chunk.horizon else None

    def _skip_missed_ticks(self, now: float) -> int:
        """Skip ticks whose successor is due already: their rows are too late. Return how many.

        The session's last tick is always done.
        """
        _, skipped = next_deadline(self.grid.due(self.tick), now, self.grid.interval)
        if self._control.ticks is not None:
            skipped = min(skipped, self._control.ticks - self.tick - 1)
        self.tick += skipped
        return skipped

    def _decide(self, due: float, now: float) -> Tick:
        """Return what the policy does at this tick: plays its row, holds the last state, or neutral."""
        row = self._timeline.at(self.tick)
        meant = None if row is None else row.state
        if row is not None:
            state = row.state if self._control.allow_menu else lock_menus(row.state)
            self._last, self._held = (state, row.chunk), 0
            source = "played"
        else:
            self._held += 1
            source = "held" if self._last is not None and self._held <= self._control.hold else "neutral"
        if source != "neutral" and self._last is not None:
            state, chunk = self._last
            age = now - chunk.captured
            if age <= self._control.max_age:
                index = row.index if row is not None else None
                return Tick(self.tick, due, now, state, source, chunk.id, index, chunk.frame_id, age, meant=meant)
        return Tick(self.tick, due, now, NEUTRAL, "neutral", meant=meant)
