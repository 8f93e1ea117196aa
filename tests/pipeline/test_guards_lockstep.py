"""Guards while the game waits for the policy."""

from dataclasses import dataclass

import anyio
import pytest

from ngrt.clock import GameClock
from ngrt.control.merging import Merging
from ngrt.interfaces import NothingToSee, StoppedByPerson, Watch
from ngrt.messages import NEUTRAL, Image
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.guard import INTERVAL
from tests.pipeline.rig import Rig, Screen
from tests.pipeline.watching import EAST, LOST, PLAYS, TICK, Script

pytestmark = pytest.mark.anyio


def lockstepped(*watches: Watch, execute: int = 6, inference: float = 0.5) -> Rig:
    clock = GameClock(now=anyio.current_time)
    return Rig(clock=clock, inference=inference, merging=Merging("lockstep", execute=execute), watches=watches)


async def test_in_lockstep_a_verdict_reaches_the_pad_while_the_policy_thinks() -> None:
    rig = lockstepped(Script([(1.5, LOST)]))  # thinks from 0 to 0.5, 0.6 to 1.1, 1.2 to 1.7
    start = anyio.current_time()
    await rig.play(Control(60, ticks=60))
    last = max(when for when, state in rig.pad.sent if state != NEUTRAL) - start
    first = min(when for when, state in rig.pad.sent if state == NEUTRAL and when - start > 1.2) - start
    assert last < 1.3
    assert first == pytest.approx(1.5, abs=3 * INTERVAL)


async def test_in_lockstep_the_game_is_not_made_to_wait_for_a_policy_that_may_not_play() -> None:
    rig = lockstepped(Script([(0.0, PLAYS), (2.0, None)]))
    start = anyio.current_time()
    await rig.play(Control(60, ticks=150))
    by_hand = [when for when, state in rig.pad.sent if state == EAST]
    assert by_hand[-1] - start == pytest.approx(2.0, abs=2 * TICK)
    assert len(by_hand) == pytest.approx(120, abs=2)
    assert rig.telemetry.read().person == len(by_hand)
    assert rig.telemetry.read().played >= 18


async def test_in_lockstep_there_may_be_nothing_to_see_for_a_while() -> None:
    @dataclass
    class Minimised(Screen):
        def grab(self, now: float) -> Image | None:
            self.grabs += 1
            if 3 <= self.grabs < 6:
                raise NothingToSee("minimised")
            return super().grab(now)

    rig = lockstepped()
    rig.source = Minimised()
    await rig.play(Control(60, ticks=120, hold=60, max_age=9))
    readings = rig.telemetry.read()
    assert readings.blocked == pytest.approx(18, abs=1)
    assert readings.played >= 120 - 18 - 6 - 1


async def test_in_lockstep_the_panic_key_works_while_the_game_stands_still_and_leaves_it_moving() -> None:
    held: list[str] = []
    clock = GameClock(lambda: held.append("frozen"), lambda: held.append("moving"), anyio.current_time)
    rig = lockstepped(Script([(1.3, StoppedByPerson("stopped by F12"))]))
    rig.clock = clock
    start = anyio.current_time()
    with pytest.raises(StoppedByPerson):
        await rig.play(Control(60))
    assert anyio.current_time() - start == pytest.approx(1.3, abs=2 * INTERVAL)
    assert rig.pad.sent[-1][1] == NEUTRAL
    assert held[-1] == "moving"
