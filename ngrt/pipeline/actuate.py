"""At every tick, put the pad into the state meant for that tick: played, held a little, or neutral."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from ngrt.actions import lock_menus
from ngrt.channels import Latest
from ngrt.chunks import Timeline
from ngrt.clock import Clock
from ngrt.errors import PadError
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, PadState, Tick, TimedChunk
from ngrt.pacing import next_deadline
from ngrt.workers import PATIENCE, Worker

OnTick = Callable[[Tick, int], None]
"""Told of every tick and of how many were missed after it, in the tick's thread: must return at once."""


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


async def actuate(
    pad: Pad, control: Control, worker: Worker, clock: Clock, chunks: Latest[TimedChunk], on_tick: OnTick
) -> None:
    """Tick until ``control.ticks`` are done, or ``chunks`` is closed and played out. The pad ends neutral.

    :raises ngrt.errors.PadError: the pad failed, or hangs and may not be neutral
    """
    start = clock.now()
    failed = True
    try:
        with anyio.move_on_after(_longest(control)):  # a pad that hangs must not hold the session up
            await worker.pace(_Actuator(pad, control, clock, chunks, on_tick, start).step, start)
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


def _longest(control: Control) -> float:
    return math.inf if control.ticks is None else control.ticks / control.rate + PATIENCE


async def _release(pad: Pad, worker: Worker) -> None:
    """Make the pad neutral; if it hangs, that is left waiting for it."""
    with anyio.move_on_after(0 if worker.stuck else PATIENCE, shield=True) as limit:
        await worker.call(pad.send, NEUTRAL)
    if limit.cancelled_caught:
        raise PadError(
            f"pad {pad.name} has not answered for {PATIENCE:g} s and may not be neutral; unplug or restart it"
        )


class _Actuator:
    def __init__(
        self,
        pad: Pad,
        control: Control,
        clock: Clock,
        chunks: Latest[TimedChunk],
        on_tick: OnTick,
        start: float,
    ) -> None:
        self._pad, self._control, self._clock, self._chunks, self._on_tick = pad, control, clock, chunks, on_tick
        self._interval = 1 / control.rate
        self._timeline = Timeline(start, self._interval, control.shift)
        self._start = start
        self._tick = 0
        self._last: tuple[PadState, TimedChunk] | None = None
        self._held = 0

    def step(self, now: float) -> float | None:
        """Do the tick that is due; return the next deadline, or None at the end."""
        due = self._start + self._tick * self._interval
        ended = self._chunks.closed  # read before taking: what was put before closing is still taken below
        if (chunk := self._chunks.take()) is not None:
            self._timeline.add(chunk)
        tick = self._decide(due, now)
        if ended and tick.source == "neutral":
            return None
        self._pad.send(tick.state)
        deadline, missed = next_deadline(due, self._clock.now(), self._interval)
        end = self._control.ticks
        if end is not None:
            missed = min(missed, end - self._tick - 1)
        self._on_tick(tick, missed)
        self._tick += 1 + missed
        return deadline if end is None or self._tick < end else None

    def _decide(self, due: float, now: float) -> Tick:
        row = self._timeline.at(self._tick)
        if row is not None:
            state = row.chunk.chunk.pad(row.index)
            state = state if self._control.allow_menu else lock_menus(state)
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
                return Tick(self._tick, due, now, state, source, chunk.id, index, chunk.frame_id, age)
        return Tick(self._tick, due, now, NEUTRAL, "neutral", None, None, None, None)
