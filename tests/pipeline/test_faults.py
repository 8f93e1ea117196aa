"""Everything that can go wrong on the way, in virtual time: what ends the session, what does not, what the pad does."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np
import pytest
import trio.testing

import ngrt.pipeline.capture as capturing
from ngrt.errors import EngineError, NgrtError, PadError, SourceError
from ngrt.interfaces import Observer
from ngrt.messages import NEUTRAL, Chunk, Guide, Image, Tick
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.workers import Worker
from tests.pipeline.rig import Rig, Screen, always_south

pytestmark = pytest.mark.anyio
CONTROL = Control(rate=60, ticks=1800)


class Heard(Observer):
    """Keeps ticks and notes."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.notes: list[str] = []

    def tick(self, tick: Tick, missed: int) -> None:
        self.ticks.append(tick)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class Moody(Screen):
    """A screen that fails, or hangs, at some grabs."""

    fails_from: int = 10**9
    error: Exception = field(default_factory=lambda: SourceError("the screen is gone"))

    def grab(self, now: float) -> Image | None:
        image = super().grab(now)
        if self.grabs >= self.fails_from:
            raise self.error
        return image


def neutral_seconds(rig: Rig, after: float = 1.0) -> float:
    """Return for how long the pad was neutral, the session's first seconds and its end left out."""
    sent = [state for when, state in rig.pad.sent[:-1] if when - rig.pad.sent[0][0] > after]
    return sum(state == NEUTRAL for state in sent) / 60


async def test_a_screen_that_fails_once_is_opened_again_and_played_on_meanwhile_the_pad_is_neutral() -> None:
    heard = Heard()
    rig = Rig(source=Moody(fails_from=300), reopen=Screen, observers=[heard])
    await rig.play(CONTROL)
    readings = rig.telemetry.read()
    assert heard.notes == ["the screen is gone; opening it again (1 of 3)", ""]
    assert readings.played + readings.held + readings.neutral + readings.missed == 1800
    assert readings.played > 1700
    assert readings.held + readings.neutral > 0
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_screen_that_fails_and_fails_ends_the_session_after_a_bounded_number_of_attempts() -> None:
    opened = 0

    def reopen() -> Screen:
        nonlocal opened
        opened += 1
        return Moody(fails_from=2)

    rig = Rig(source=Moody(fails_from=2), reopen=reopen)
    with pytest.raises(SourceError, match="the screen is gone"):
        await rig.play(CONTROL)
    assert opened == capturing.RESTARTS
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_screen_that_fails_now_and_then_is_opened_again_every_time() -> None:
    opened = 0

    def reopen() -> Screen:
        nonlocal opened
        opened += 1
        return Moody(interval=0.1, fails_from=10 * 40)

    rig = Rig(source=Moody(interval=0.1, fails_from=10 * 40), reopen=reopen)
    await rig.play(Control(rate=10, ticks=10 * 40 * 7))
    assert opened == 6


async def test_a_screen_that_cannot_be_opened_again_ends_the_session_with_the_reason() -> None:
    def reopen() -> Screen:
        raise SourceError("display :9 cannot be reached")

    rig = Rig(source=Moody(fails_from=30), reopen=reopen)
    with pytest.raises(SourceError, match="display :9 cannot be reached"):
        await rig.play(CONTROL)
    assert rig.pad.sent[-1][1] == NEUTRAL


@dataclass
class Hanging(Rig):
    """One device hangs from its call number ``hangs_at`` on."""

    device: str = ""
    hangs_at: int = 100
    made: int = 0

    def worker(self, name: str) -> Worker:
        """Return a worker whose calls take forever from one of them on, the first time it is made for the device."""
        worker = super().worker(name)
        if name == self.device:
            self.made += 1
            calls = 0
            usual = self.costs.get(name, self.inference if name == "infer" else 0.0)

            def cost() -> float:
                nonlocal calls
                calls += 1
                return float("inf") if calls >= self.hangs_at and self.made == 1 else usual

            worker._cost = cost  # type: ignore[attr-defined]
        return worker


async def test_a_screen_that_hangs_is_left_behind_and_opened_again() -> None:
    rig = Hanging(device="capture", reopen=Screen)
    await rig.play(CONTROL)
    readings = rig.telemetry.read()
    assert rig.made == 2
    lost = capturing.STALL * 1.5 + sum(capturing.PAUSES[:1])
    assert readings.neutral / 60 < lost
    assert readings.played > 1800 - 60 * (lost + 1)


async def test_a_screen_that_hangs_and_cannot_be_opened_again_ends_the_session_and_says_so() -> None:
    rig = Hanging(device="capture")
    with pytest.raises(SourceError, match="screen has shown nothing for 2 s: it hangs"):
        await rig.play(CONTROL)
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_while_a_screen_hangs_the_pad_goes_neutral_long_before_it_is_given_up() -> None:
    rig = Hanging(device="capture")
    start = anyio.current_time()
    with pytest.raises(SourceError):
        await rig.play(CONTROL)
    last = max(when for when, state in rig.pad.sent if state != NEUTRAL) - start
    assert last < 100 / 60 + 18 / 60 + CONTROL.hold / 60 + 0.1


async def test_an_engine_that_hangs_ends_the_session_with_the_time_it_was_given() -> None:
    rig = Hanging(device="infer", hangs_at=20)
    start = anyio.current_time()
    with pytest.raises(EngineError, match=r"engine has not answered for 5 s; 0\.05 s is usual"):
        await rig.play(CONTROL)
    assert anyio.current_time() - start < 8
    assert max(when for when, state in rig.pad.sent if state != NEUTRAL) - start < 2
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_an_engine_that_is_slow_for_a_while_costs_only_that_while() -> None:
    calls = 0

    def cost() -> float:
        nonlocal calls
        calls += 1
        return 1.0 if calls == 40 else 0.05

    rig = Rig()
    make = rig.worker

    def worker(name: str) -> Worker:
        made = make(name)
        if name == "infer":
            made._cost = cost  # type: ignore[attr-defined]
        return made

    rig.worker = worker  # type: ignore[method-assign]
    await rig.play(CONTROL)
    assert 0 < neutral_seconds(rig) < 1.0


async def test_a_policy_that_fails_in_the_middle_ends_the_session_and_keeps_the_figures() -> None:
    calls = 0

    def broken(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        nonlocal calls
        calls += 1
        if calls == 50:
            raise EngineError("out of memory")
        return always_south(frames)

    rig = Rig(predict=broken)
    with pytest.raises(EngineError, match="out of memory"):
        await rig.play(CONTROL)
    readings = rig.telemetry.read()
    assert readings.chunks == 49
    assert readings.played > 100
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_source_that_ends_in_the_middle_of_play_is_played_out_and_is_no_failure() -> None:
    rig = Rig(source=Screen(frames=200), reopen=Screen)
    await rig.play(CONTROL)
    assert rig.pad.sent[-1][1] == NEUTRAL
    assert 200 < len(rig.pad.sent) < 240


async def test_a_source_that_changes_its_size_is_played_on() -> None:
    class Changing(Screen):
        def grab(self, now: float) -> Image | None:
            super().grab(now)
            return np.full((90 + self.shown % 300, 160, 3), 7, np.uint8)

    seen: set[tuple[int, ...]] = set()

    def remember(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        seen.add(frames[-1].shape)
        return always_south(frames)

    rig = Rig(source=Changing(), predict=remember)
    await rig.play(Control(rate=60, ticks=600))
    assert seen == {(256, 256, 3)}
    assert rig.telemetry.read().played > 550


async def test_a_source_that_returns_no_picture_is_a_failure_of_the_source_with_its_name_for_it() -> None:
    class Broken(Screen):
        def grab(self, now: float) -> Image | None:
            return np.zeros((10, 10), np.uint8)

    rig = Rig(source=Broken())
    with pytest.raises(NgrtError, match="shape"):
        await rig.play(CONTROL)


@pytest.mark.parametrize("jump", [0.41, 30.01])
async def test_a_clock_that_jumps_is_caught_up_with_and_no_missed_tick_is_done_later(jump: float) -> None:
    rig = Rig()
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)

    async def jump_later() -> None:
        await anyio.sleep(3)
        clock.jump(jump)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(jump_later)
        await rig.play(Control(rate=60, ticks=3600))
    readings = rig.telemetry.read()
    assert readings.played + readings.held + readings.neutral + readings.missed == 3600
    assert readings.played > 3500 - jump * 60
    assert readings.missed == pytest.approx(jump * 60, abs=2)
    times = [when for when, _ in rig.pad.sent[:-1]]
    assert min(np.diff(times)) > 0.0


async def test_a_tick_that_wakes_too_late_plays_the_row_of_the_tick_that_is_due_by_then() -> None:
    class Late(Rig):
        def worker(self, name: str) -> Worker:
            worker = super().worker(name)
            if name == "actuate":
                worker._now = lambda: anyio.current_time() - 0.03 * (anyio.current_time() % 1 > 0.5)  # type: ignore[attr-defined]
            return worker

    heard = Heard()
    rig = Late(observers=[heard])
    start = anyio.current_time()
    await rig.play(Control(rate=60, ticks=300))
    assert all(tick.index == int((tick.sent - start) * 60 + 1e-6) for tick in heard.ticks[:-1])


async def test_a_pad_that_fails_ends_the_session_whatever_else_goes_on() -> None:
    rig = Rig(source=Moody(fails_from=50), reopen=Screen)
    rig.pad.fault, rig.pad.fault_after = PadError("update failed"), 55
    with pytest.raises(PadError, match="update failed"):
        await rig.play(CONTROL)
    assert rig.pad.sent[-1][1] == NEUTRAL
