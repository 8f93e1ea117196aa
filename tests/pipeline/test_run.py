"""The main loop in virtual time."""

from collections.abc import Sequence

import anyio
import numpy as np
import pytest

from ngrt.control.context import Context
from ngrt.errors import PadError, SourceError
from ngrt.messages import NEUTRAL, Chunk, Guide, Image, PadState
from ngrt.pipeline.actuate import Control
from tests.pipeline.rig import Rig, Screen, always_south

pytestmark = pytest.mark.anyio
SOUTH = frozenset({"SOUTH"})


async def test_the_pad_is_sent_exactly_one_state_at_every_tick() -> None:
    rig = Rig()
    start = anyio.current_time()
    await rig.play(Control(rate=60, ticks=120))
    times = np.array([when for when, _ in rig.pad.sent[:-1]]) - start
    assert np.allclose(times, np.arange(120) / 60)


async def test_what_the_policy_says_reaches_the_pad_after_its_latency() -> None:
    rig = Rig(inference=0.05)
    await rig.play(Control(rate=60, ticks=60))
    states = [state for _, state in rig.pad.sent[:60]]
    assert states[:3] == [NEUTRAL] * 3
    assert all(state.buttons == SOUTH and state.left == (1.0, 0.0) for state in states[4:])


async def test_the_pad_is_neutral_after_the_last_tick() -> None:
    rig = Rig()
    await rig.play(Control(rate=60, ticks=30))
    assert rig.pad.sent[-2][1].buttons == SOUTH
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_two_minutes_of_ticks_are_all_accounted_for() -> None:
    rig = Rig(inference=0.1)
    await rig.play(Control(rate=60, ticks=7_200))
    readings = rig.telemetry.read()
    assert readings.played + readings.held + readings.neutral + readings.missed == 7_200
    assert readings.played > 7_100


async def test_inference_never_waits_and_skips_to_the_newest_frame() -> None:
    rig = Rig(inference=0.1)
    await rig.play(Control(rate=60, ticks=600))
    readings = rig.telemetry.read()
    assert readings.chunks == pytest.approx(10 / 0.1, abs=4)
    assert readings.dropped == pytest.approx(600 - readings.chunks, abs=10)


async def test_a_picture_that_stands_still_is_played_on_like_any_other() -> None:
    rig = Rig(source=Screen(interval=1.0, still_after=1))
    await rig.play(Control(rate=60, ticks=300))
    readings = rig.telemetry.read()
    assert rig.source.grabs == pytest.approx(300, abs=2)
    assert readings.played > 290


async def test_a_picture_that_stands_still_is_inferred_from_once_a_tick_however_often_it_is_grabbed() -> None:
    rig = Rig(source=Screen(interval=1 / 240, still_after=1), inference=0.001)
    await rig.play(Control(rate=60, ticks=300))
    readings = rig.telemetry.read()
    assert rig.source.grabs > 1_100
    assert readings.chunks == pytest.approx(300, abs=10)
    assert readings.played > 290


async def test_the_session_ends_when_the_source_does_and_its_last_chunk_is_played_out() -> None:
    rig = Rig(source=Screen(frames=30))
    await rig.play(Control(rate=60, hold=0, max_age=10))
    assert 30 < len(rig.pad.sent) <= 30 + 18 + 2
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_without_a_row_the_last_state_is_held_for_a_bounded_number_of_ticks_then_the_pad_goes_neutral() -> None:
    rig = Rig(source=Screen(), inference=0.045)
    rig.costs["capture"] = 1.0
    await rig.play(Control(rate=60, ticks=60, hold=5, max_age=10))
    readings = rig.telemetry.read()
    assert (readings.played, readings.held, readings.neutral) == (15, 5, 40)
    pressed = [state.buttons == SOUTH for _, state in rig.pad.sent]
    assert pressed.index(True) == 3
    assert sum(pressed) == 20
    assert all(pressed[3:23])


async def test_an_observation_older_than_the_limit_never_moves_the_pad() -> None:
    rig = Rig(inference=0.2)
    await rig.play(Control(rate=60, ticks=300, hold=60, max_age=0.21))
    readings = rig.telemetry.read()
    assert readings.age_p99 is not None
    assert readings.age_p99 <= 0.21
    assert readings.neutral > 100


async def test_a_slow_pad_misses_ticks_and_never_sends_a_burst() -> None:
    rig = Rig(costs={"actuate": 0.04})
    await rig.play(Control(rate=60, ticks=240))
    times = [when for when, _ in rig.pad.sent[:-1]]
    readings = rig.telemetry.read()
    assert min(np.diff(times)) >= 1 / 60 - 1e-9
    assert readings.played + readings.held + readings.neutral + readings.missed == 240


async def test_a_failing_source_ends_the_session_with_its_error_and_a_neutral_pad() -> None:
    rig = Rig(source=Screen(fault=SourceError("the screen is gone")))
    with pytest.raises(SourceError, match="the screen is gone"):
        await rig.play(Control(rate=60))
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_failing_policy_ends_the_session_with_its_error_and_a_neutral_pad() -> None:
    def broken(frames: object, guide: object) -> object:
        raise SourceError("engine failed")

    rig = Rig(predict=broken)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="engine failed"):
        await rig.play(Control(rate=60))
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_pad_that_fails_once_is_still_made_neutral() -> None:
    rig = Rig()
    rig.pad.fault, rig.pad.fault_after = PadError("update failed"), 20
    with pytest.raises(PadError, match="update failed"):
        await rig.play(Control(rate=60))
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_cancelled_session_leaves_the_pad_neutral() -> None:
    rig = Rig()
    with anyio.move_on_after(1.0):
        await rig.play(Control(rate=60))
    assert rig.pad.sent[-2][1].buttons == SOUTH
    assert rig.pad.sent[-1][1] == NEUTRAL


@pytest.mark.parametrize(("length", "ticks_apart"), [(2, 1), (4, 2), (3, 4), (3, 18)])
async def test_a_policy_with_memory_sees_frames_as_far_apart_as_it_was_trained_however_slow_it_is(
    length: int, ticks_apart: int
) -> None:
    seen: list[list[int]] = []

    def remember(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        seen.append([int(frame[0, 0, 0]) for frame in frames])
        return always_south(frames)

    rig = Rig(predict=remember, inference=0.1, context=Context(length, ticks_apart / 60))
    await rig.play(Control(rate=60, ticks=200))
    whole = [numbers for numbers in seen if len(numbers) == length]
    assert len(whole) > 10
    assert all((np.diff(numbers) == ticks_apart).all() for numbers in whole)


async def test_the_first_failure_of_a_pad_is_told_and_not_the_one_that_follows() -> None:
    rig = Rig()

    failures = iter(["first", "second"])

    def fail(state: PadState) -> None:
        raise PadError(next(failures))

    rig.pad.send = fail  # type: ignore[method-assign]
    with pytest.raises(PadError, match="first"):
        await rig.play(Control(rate=60))
    assert next(failures, None) is None, "neutral was tried"
