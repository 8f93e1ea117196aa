"""At every tick, put the pad into the state meant for that tick: played, held a little, or neutral.

Unless somebody's veto stands: then neutral, or what a person does.
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

    ``rate`` ticks a second; ``ticks`` until the end, None for no end; ``hold`` ticks that the last state may stand
    in for a row that is not there; ``max_age`` seconds between a frame's capture and the last tick it may move.
    """

    rate: float
    ticks: int | None = None
    hold: int = 6
    max_age: float = 0.25
    shift: int = 0
    allow_menu: bool = False


async def actuate(actuator: "Actuator", worker: Worker) -> None:
    """Tick until the session's ticks are done, or its chunks are at an end and played out. The pad ends neutral.

    :raises ngrt.errors.PadError: the pad failed, or hangs and may not be neutral
    """
    async with neutral_afterwards(actuator.pad, worker):
        with anyio.move_on_after(actuator.longest):  # a pad that hangs must not hold the session up
            await worker.pace(actuator.step, actuator.grid.due(0))


@asynccontextmanager
async def neutral_afterwards(pad: Pad, worker: Worker) -> AsyncIterator[None]:
    """Make the pad neutral at the end, whatever happens within.

    :raises ngrt.errors.PadError: it hangs, or fails and nothing had failed before
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
            # else the first failure says more than the one that follows from it


async def _release(pad: Pad, worker: Worker) -> None:
    """Make the pad neutral; if it hangs, that is left waiting for it."""
    with anyio.move_on_after(0 if worker.stuck else PATIENCE, shield=True) as limit:
        await worker.call(pad.send, NEUTRAL)
    if limit.cancelled_caught:
        raise PadError(
            f"pad {pad.name} has not answered for {PATIENCE:g} s and may not be neutral",
            remedy="unplug or restart it",
        )


class Actuator:
    """Ticks: puts the pad into the state that ``timeline`` has for each tick of ``grid``, or that a verdict has."""

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
        """The tick that comes next."""
        self._control, self._timeline, self._clock = control, timeline, clock
        self._chunks, self._vetoes, self._observer = chunks, vetoes, observer
        self._last: tuple[PadState, TimedChunk] | None = None
        self._newest: TimedChunk | None = None
        self._held = 0
        self._was_vetoed = False

    @property
    def longest(self) -> float:
        """Seconds that all ticks take, and a slow pad beside."""
        return math.inf if self._control.ticks is None else self._control.ticks / self._control.rate + PATIENCE

    def step(self, now: float) -> float | None:
        """Do the tick that is due; return the next deadline, or None at the end."""
        end = self._control.ticks
        skipped = self._pass_over(now)
        due = self.grid.due(self.tick)
        ended = self._chunks.closed  # read before taking: what was put before closing is still taken below
        verdict = self._heed(now)
        if (chunk := self._chunks.take()) is not None:
            self._newest = chunk
            if chunk.captured >= self._vetoes.over:
                self._timeline.add(chunk)
        tick = self._decide(due, now)
        if ended and tick.source == "neutral":
            return None
        if verdict is not None:
            meant, note = self._meant(), verdict.note
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
        """Whether the policy may not play now."""
        return self._vetoes.strongest is not None

    def obey(self) -> None:
        """Put the pad into what a verdict says, between ticks."""
        if (verdict := self._vetoes.strongest) is not None:
            self.pad.send(verdict.state)

    def _heed(self, now: float) -> Verdict | None:
        """Return the verdict that holds at this tick.

        While one does, all that the policy meant is forgotten: it was meant for a game that is not there any more.
        Only a frame captured after the first tick without a verdict moves the pad again.
        """
        verdict = self._vetoes.strongest
        if verdict is not None or self._was_vetoed:
            self._vetoes.over = now
            self._timeline.clear()
            self._last = None
        self._was_vetoed = verdict is not None
        return verdict

    def _meant(self) -> PadState | None:
        """Return what the policy would do at this tick, if it might: for who keeps what a person did instead."""
        if self._newest is None:
            return None
        row = self.tick - self.grid.first_tick(self._newest.captured)
        return self._newest.chunk.pad(row) if 0 <= row < self._newest.chunk.horizon else None

    def _pass_over(self, now: float) -> int:
        """Pass over ticks that another one has followed already, for who wakes late must not act late; return how many.

        The session's last tick is always done.
        """
        _, skipped = next_deadline(self.grid.due(self.tick), now, self.grid.interval)
        if self._control.ticks is not None:
            skipped = min(skipped, self._control.ticks - self.tick - 1)
        self.tick += skipped
        return skipped

    def _decide(self, due: float, now: float) -> Tick:
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
