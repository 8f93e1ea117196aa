"""Who has the pad, in virtual time: what takes it from the policy, how soon, and what the policy may do afterwards."""

from collections.abc import Sequence

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngrt.control.merging import Merging
from ngrt.control.watches import FocusGuard, PanicKey, TakeoverPad
from ngrt.errors import PadError, SourceError
from ngrt.fakes import FakeDesktop, FakeKeys
from ngrt.interfaces import StoppedByPerson, Window
from ngrt.messages import NEUTRAL, Chunk, Guide, Image, PadState, Verdict
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.guard import INTERVAL
from tests.pipeline.rig import Rig, Screen
from tests.pipeline.test_invariants import Uneven, numbered, session
from tests.pipeline.watching import EAST, LOST, PLAYS, TICK, Script, between, diaried

pytestmark = pytest.mark.anyio


async def test_without_the_focus_the_pad_is_neutral_within_a_tick_and_fresh_rows_play_once_it_is_back() -> None:
    window = Window(1, "game", 100, "game.exe", 0, 0, 640, 480)
    desktop = FakeDesktop([window], focus=1)
    rig, diary = diaried(FocusGuard(desktop, lambda: 1, "game.exe"))

    async def move_the_focus() -> None:
        await anyio.sleep(2)
        desktop.focus = None
        await anyio.sleep(2)
        desktop.focus = 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(move_the_focus)
        await rig.play(Control(60, ticks=360))
    lost, back = rig.start + 2, rig.start + 4
    assert all(tick.source == "played" for tick in between(diary.ticks, rig.start + 0.2, lost))
    away = between(diary.ticks, lost + INTERVAL + TICK, back)
    assert len(away) > 110
    assert all((tick.source, tick.state) == ("blocked", NEUTRAL) for tick in away)
    assert all(tick.note == "game.exe lost the focus; pad neutral (--no-focus-guard plays on)" for tick in away)
    after = [tick for tick in between(diary.ticks, back, back + 9) if tick.source == "played"]
    assert after[0].sent < back + 0.2
    assert all(tick.chunk_id is not None and diary.made[tick.chunk_id].captured >= back for tick in after)
    assert rig.telemetry.read().blocked == pytest.approx(120, abs=2)


async def test_what_holds_when_play_begins_holds_from_its_first_tick() -> None:
    rig, diary = diaried(Script([(0, LOST)]), Script([]))
    await rig.play(Control(60, ticks=60))
    assert {tick.source for tick, _ in diary.ticks} == {"blocked"}
    assert {state for _, state in rig.pad.sent} == {NEUTRAL}


async def test_a_persons_pad_goes_through_to_the_games_until_it_has_been_at_rest() -> None:
    class Pad:
        name = "Xbox pad"
        now = NEUTRAL

        def state(self) -> PadState | None:
            return self.now

        def close(self) -> None:
            """Nothing to close."""

    pad = Pad()
    rig, diary = diaried(TakeoverPad(pad))

    async def use() -> None:
        await anyio.sleep(1)
        pad.now = EAST
        await anyio.sleep(1)
        pad.now = NEUTRAL

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        await rig.play(Control(60, ticks=240))
    start = rig.start
    by_hand = between(diary.ticks, start + 1 + INTERVAL + TICK, start + 2)
    assert by_hand
    assert all((tick.source, tick.state) == ("person", EAST) for tick in by_hand)
    resting = between(diary.ticks, start + 2 + INTERVAL + TICK, start + 2.9)
    assert all((tick.source, tick.state) == ("person", NEUTRAL) for tick in resting)
    assert all(tick.source == "played" for tick in between(diary.ticks, start + 3.2, start + 3.9))


async def test_the_panic_key_ends_the_session_at_once_with_a_neutral_pad() -> None:
    keys = FakeKeys()
    rig = Rig(watches=[PanicKey(keys, "F12"), Script([])])
    start = anyio.current_time()

    async def press() -> None:
        await anyio.sleep(1.5)
        keys.down.add("F12")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(press)
        with pytest.raises(StoppedByPerson, match="stopped by F12"):
            await rig.play(Control(60))
    assert anyio.current_time() - start <= 1.5 + INTERVAL + 1e-9
    assert rig.pad.sent[-2][1] != NEUTRAL
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_pad_that_fails_when_a_person_ends_the_session_is_what_they_are_told() -> None:
    rig = Rig(watches=[Script([(1.0, StoppedByPerson("stopped by F12"))])])
    send = rig.pad.send

    def fail(state: PadState) -> None:
        if state == NEUTRAL and len(rig.pad.sent) > 30:
            raise PadError("the pad may not be neutral")
        send(state)

    rig.pad.send = fail  # type: ignore[method-assign]
    with pytest.raises(PadError, match="may not be neutral"):
        await rig.play(Control(60))


async def test_a_watch_that_fails_ends_the_session_with_the_reason_and_a_neutral_pad() -> None:
    rig = Rig(watches=[Script([(1.0, SourceError("the desktop is gone"))])])
    with pytest.raises(SourceError, match="the desktop is gone"):
        await rig.play(Control(60))
    assert any(state != NEUTRAL for _, state in rig.pad.sent)
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_a_watch_that_fails_at_its_first_poll_ends_the_session_before_the_pad_is_touched() -> None:
    rig = Rig(watches=[Script([(0.0, SourceError("the desktop is gone"))])])
    with pytest.raises(SourceError, match="the desktop is gone"):
        await rig.play(Control(60))
    assert rig.pad.sent == []


@pytest.mark.parametrize("verdict", [LOST, PLAYS])
async def test_a_source_that_ends_while_the_pad_is_not_the_policys_ends_the_session(verdict: Verdict) -> None:
    rig, _ = diaried(Script([(0.5, verdict)]), source=Screen(frames=60))
    await rig.play(Control(60))
    assert anyio.current_time() - rig.start == pytest.approx(1.0, abs=0.1)
    assert rig.pad.sent[-1][1] == NEUTRAL


async def test_the_ticks_of_a_session_that_is_blocked_to_its_end_are_all_counted() -> None:
    rig, _ = diaried(Script([(0.5, LOST)]))
    await rig.play(Control(60, ticks=90))
    readings = rig.telemetry.read()
    assert readings.played + readings.held + readings.neutral + readings.blocked + readings.missed == 90
    assert readings.blocked == pytest.approx(60, abs=2)


async def test_a_chunk_that_was_never_played_does_not_guide_the_next_one() -> None:
    guides: list[tuple[float, Guide | None]] = []

    def note(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        guides.append((anyio.current_time(), guide))
        return numbered(frames, guide)

    rig, diary = diaried(Script([(1.0, LOST), (2.0, None)]), merging=Merging("prefix", "steady"))
    rig.predict = note
    await rig.play(Control(60, ticks=240))
    away = [guide for when, guide in guides if rig.start + 1.1 < when < rig.start + 2]
    assert away
    assert set(away) == {None}
    first = next(tick.chunk_id for tick, _ in diary.ticks if tick.source == "played" and tick.sent > rig.start + 2)
    assert first is not None
    assert guides[first][1] is None
    assert guides[first + 1][1] is not None


async def test_a_picture_from_before_a_verdict_was_over_moves_nothing_even_where_no_tick_came_between() -> None:
    ended = 1.0 + 0.9 * (1 / 15)
    rig, diary = diaried(Script([(0.5, LOST), (ended, None)]))
    rig.times = {"infer": [0.01]}
    await rig.play(Control(15, ticks=45))
    after = [tick.chunk_id for tick, _ in diary.ticks if tick.source == "played" and tick.sent > rig.start + ended]
    assert len(after) > 20
    assert all(number is not None and diary.made[number].captured >= rig.start + ended for number in after)


verdicts = st.sampled_from([None, None, LOST, PLAYS, Verdict("policy", "no pad")])
timelines = st.lists(st.tuples(st.floats(0, 0.7), verdicts), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    timeline=timelines,
    rate=st.sampled_from([15.0, 60.0, 144.0]),
    infer=st.lists(st.floats(0.001, 0.3), min_size=1, max_size=4),
    hold=st.integers(0, 60),
    merging=st.sampled_from([Merging("replace"), Merging("blend"), Merging("prefix", "steady")]),
)
def test_whoever_may_play_when_the_pad_is_theirs_within_a_tick_and_nothing_stale_comes_back(
    timeline: list[tuple[float, Verdict | None]], rate: float, infer: list[float], hold: int, merging: Merging
) -> None:
    written: list[tuple[float, Verdict | None]] = [(0.0, None)]
    for lasts, verdict in timeline:
        written.append((written[-1][0] + lasts, verdict))
    script = Script(written)
    rig = Uneven(watches=[script], predict=numbered, merging=merging, times={"infer": infer})
    session(rig, Control(rate, ticks=int(3 * rate), hold=hold, max_age=5))
    assert script.began is not None
    diary = rig.diary
    over = -1.0
    for tick, _ in diary.ticks:
        moment = tick.sent - script.began
        # what was said at some time in the last interval between two polls
        said = [what for when, what in written if moment - INTERVAL - 1e-6 <= when <= moment + 1e-6]
        said += [what for when, what in written if when < moment - INTERVAL - 1e-6][-1:]
        possible = {verdict for verdict in said if verdict is None or verdict.source != "policy"}
        possible |= {None} if any(verdict is not None and verdict.source == "policy" for verdict in said) else set()
        allowed = {(one.source, one.state) for one in possible if one is not None}
        if tick.source in ("blocked", "person"):
            assert (tick.source, tick.state) in allowed
            over = tick.sent
            continue
        assert None in possible
        if tick.source != "neutral":
            assert tick.chunk_id is not None
            free = [script.began + when for when, what in written if what is None or what.source == "policy"]
            ended = min((when for when in free if when >= over - INTERVAL), default=0.0)
            assert diary.made[tick.chunk_id].captured >= max(over, ended if over >= 0 else 0.0)
    assert rig.pad.sent[-1][1] == NEUTRAL
