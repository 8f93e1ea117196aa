"""Lockstep: the game stands still while the policy thinks."""

from collections.abc import Sequence
from itertools import pairwise

import anyio
import pytest

from ngrt.arcade.game import Arcade
from ngrt.clock import GameClock
from ngrt.control.merging import Merging
from ngrt.errors import EngineError, PadError
from ngrt.messages import NEUTRAL, Chunk, Guide, Image
from ngrt.pipeline.actuate import Control
from tests.pipeline.rig import Rig, Screen, always_south

pytestmark = pytest.mark.anyio


def rig_of(execute: int = 4, inference: float = 0.7) -> Rig:
    clock = GameClock(now=anyio.current_time)
    return Rig(clock=clock, inference=inference, merging=Merging("lockstep", execute=execute))


async def test_every_tick_is_played_however_slow_the_policy_is() -> None:
    rig = rig_of()
    await rig.play(Control(60, ticks=120))
    readings = rig.telemetry.read()
    assert (readings.played, readings.held, readings.neutral, readings.missed) == (120, 0, 0, 0)
    assert readings.chunks == 120 / 4
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_the_session_lasts_as_long_as_its_ticks_and_all_its_thinking() -> None:
    rig = rig_of(execute=6, inference=0.5)
    start = anyio.current_time()
    await rig.play(Control(60, ticks=120))
    assert anyio.current_time() - start == pytest.approx(119 / 60 + 20 * 0.5, abs=0.02)


async def test_the_pad_is_touched_only_while_the_game_moves() -> None:
    rig = rig_of(execute=4, inference=0.5)
    await rig.play(Control(60, ticks=40))
    times = [when for when, _ in rig.pad.sent[:-1]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert sum(gap > 0.4 for gap in gaps) == 9
    assert all(gap == pytest.approx(1 / 60, abs=1e-6) for gap in gaps if gap < 0.4)


async def test_row_zero_is_played_on_the_very_state_it_was_made_for() -> None:
    clock = GameClock(now=anyio.current_time)
    arcade = Arcade(5, clock.now)
    seen: list[int] = []

    def remember(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        seen.append(arcade.updates)
        return always_south(frames)

    rig = rig_of(execute=3)
    rig.clock, rig.predict = clock, remember
    rig.source = arcade.source  # type: ignore[assignment]
    await rig.play(Control(60, ticks=60))
    assert seen == list(range(0, 60, 3))


async def test_the_end_of_a_source_ends_the_session_after_the_rows_that_are_left() -> None:
    rig = rig_of(execute=4)
    rig.source = Screen(frames=5)
    await rig.play(Control(60, hold=0, max_age=10))
    assert 5 * 4 <= len(rig.pad.sent) <= 5 * 4 + 18
    assert rig.pad.sent[-1][1] == NEUTRAL


@pytest.mark.parametrize("what", ["policy", "pad", "cancelled"])
async def test_whatever_ends_it_the_game_is_never_left_standing_and_the_pad_is_neutral(what: str) -> None:
    held: list[str] = []
    clock = GameClock(lambda: held.append("frozen"), lambda: held.append("moving"), anyio.current_time)
    rig = rig_of()
    rig.clock = clock
    calls = 0

    def fail(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        nonlocal calls
        calls += 1
        if calls == 5 and what == "policy":
            raise EngineError("out of memory")
        return always_south(frames)

    rig.predict = fail
    if what == "pad":
        rig.pad.fault, rig.pad.fault_after = PadError("update failed"), 9
    if what == "cancelled":
        with anyio.move_on_after(2.0):
            await rig.play(Control(60, ticks=600))
    else:
        with pytest.raises((EngineError, PadError)):
            await rig.play(Control(60, ticks=600))
    assert held[-1] == "moving"
    assert held.count("frozen") == held.count("moving") > 1
    assert rig.pad.sent[-1][1] == NEUTRAL
