"""Watches that take long, or hang."""

from dataclasses import dataclass, field

import anyio
import pytest
import trio
import trio.testing

from ngrt.pipeline.actuate import Control
from ngrt.pipeline.workers import InlineWorker, Worker
from tests.pipeline.test_invariants import Uneven, numbered
from tests.pipeline.watching import TICK, Script, between, diaried

pytestmark = pytest.mark.anyio


@dataclass
class SlowWatch(Uneven):
    """One poll of the first watch takes ``takes`` seconds: poll number ``slow``."""

    slow: int = 100
    takes: float = float("inf")
    asked: list[float] = field(default_factory=list)

    def worker(self, name: str) -> Worker:
        """Return a worker, slow once where it guards."""
        if name != "guard-0":
            return super().worker(name)

        def cost() -> float:
            self.asked.append(anyio.current_time())
            return self.takes if len(self.asked) == self.slow else 0.0

        return InlineWorker(cost, self.clock)


def slow(takes: float, poll: int = 100, *, watches: int = 1) -> SlowWatch:
    rig = SlowWatch(predict=numbered, times={"infer": [0.05]}, takes=takes, slow=poll)
    rig.watches = [Script([]) for _ in range(watches)]
    rig.start = anyio.current_time()
    return rig


async def test_a_watch_that_hangs_blocks_the_pad_within_half_a_second_and_says_so() -> None:
    rig = slow(float("inf"), watches=2)
    await rig.play(Control(60, ticks=300))
    hung = rig.asked[-1]
    later = between(rig.diary.ticks, hung + 0.5 + TICK, hung + 99)
    assert len(later) > 100
    assert {(tick.source, tick.note) for tick in later} == {
        ("blocked", "what guards the pad does not answer; pad neutral")
    }
    assert all(tick.source == "played" for tick in between(rig.diary.ticks, rig.start + 0.2, hung))


async def test_a_watch_that_answers_again_gives_the_pad_back() -> None:
    rig = slow(1.0)
    await rig.play(Control(60, ticks=300))
    readings = rig.telemetry.read()
    assert 30 < readings.blocked < 45
    assert all(tick.source == "played" for tick in between(rig.diary.ticks, rig.asked[99] + 1.4, rig.start + 4.9))


async def test_a_watch_that_hangs_from_the_start_does_not_keep_play_from_beginning_blocked() -> None:
    rig = slow(float("inf"), poll=1)
    await rig.play(Control(60, ticks=60))
    assert {tick.source for tick, _ in rig.diary.ticks} == {"blocked"}
    assert rig.diary.ticks[0][0].sent - rig.start < 0.5


async def test_a_machine_that_wakes_from_sleep_does_not_take_its_watches_for_hung() -> None:
    rig, _ = diaried(Script([]), Script([]))
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)

    async def sleep() -> None:
        await anyio.sleep(1)
        clock.jump(100)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        await rig.play(Control(60, ticks=6180))
    assert rig.telemetry.read().blocked == 0
    assert rig.telemetry.read().played > 100
