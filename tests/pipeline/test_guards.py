"""Who has the pad, in virtual time: what takes it from the policy, how soon, and what the policy may do afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ngrt.clock import GameClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.control.vetoes import Vetoes
from ngrt.control.watches import FocusGuard, PanicKey, TakeoverPad
from ngrt.errors import PadError, SourceError
from ngrt.fakes import FakeDesktop, FakeKeys
from ngrt.interfaces import NothingToSee, StoppedByPerson, Watch, Window
from ngrt.messages import NEUTRAL, Chunk, Frame, Guide, Image, PadState, Tick, Verdict
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.capture import Capturer, CaptureSetup, capture
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.guard import INTERVAL
from ngrt.pipeline.workers import InlineWorker, Worker
from tests.pipeline.rig import Rig, Screen, VirtualClock
from tests.pipeline.test_invariants import Diary, Uneven, numbered, session

pytestmark = pytest.mark.anyio
TICK = 1 / 60
LOST = Verdict("blocked", "game lost the focus; pad neutral")
EAST = PadState(frozenset({"EAST"}), (-1.0, 0.0))
PLAYS = Verdict("person", "a person plays", EAST)


@dataclass
class Script:
    """A watch that says what is written for a time: (seconds from the first poll, verdict) in order."""

    written: Sequence[tuple[float, Verdict | Exception | None]]
    began: float | None = None

    def poll(self, now: float) -> Verdict | None:
        self.began = now if self.began is None else self.began
        said = [what for when, what in self.written if self.began + when <= now + 1e-9]
        newest = said[-1] if said else None
        if isinstance(newest, Exception):
            raise newest
        return newest

    def close(self) -> None:
        """Nothing to close."""


def diaried(*watches: Watch, **parts: Any) -> tuple[Uneven, Diary]:
    """Return a rig with a diary."""
    rig = Uneven(watches=watches, predict=numbered, times={"infer": [0.05]}, **parts)
    rig.start = anyio.current_time()
    return rig, rig.diary


def between(ticks: Sequence[tuple[Tick, int]], start: float, end: float) -> list[Tick]:
    return [tick for tick, _ in ticks if start <= tick.sent < end]


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


async def test_while_there_is_nothing_to_see_the_pad_is_neutral_and_only_a_new_picture_moves_it_again() -> None:
    @dataclass
    class Minimised(Screen):
        since: tuple[float, float] = (0.0, 0.0)

        def grab(self, now: float) -> Image | None:
            if self.since[0] <= now < self.since[1]:
                raise NothingToSee("the game is minimised; restore it to play on")
            return super().grab(now)

    rig, diary = diaried(source=Minimised(since=(anyio.current_time() + 1, anyio.current_time() + 1.1)))
    await rig.play(Control(60, ticks=120, hold=60, max_age=5))
    gone = between(diary.ticks, rig.start + 1 + TICK, rig.start + 1.1)
    assert {(tick.source, tick.note) for tick in gone} == {("blocked", "the game is minimised; restore it to play on")}
    after = [tick for tick in between(diary.ticks, rig.start + 1.1, rig.start + 9) if tick.source in ("played", "held")]
    assert after[0].sent < rig.start + 1.3
    assert all(tick.chunk_id is not None and diary.made[tick.chunk_id].captured >= rig.start + 1.1 for tick in after)


async def test_what_a_source_that_was_given_up_says_when_it_is_back_counts_for_nothing() -> None:
    vetoes = Vetoes()

    class Late(Screen):
        def grab(self, now: float) -> Image | None:
            capturer.switch_to(Screen())  # meanwhile
            raise NothingToSee("the old window is minimised")

    setup = CaptureSetup(Late(), TICK, Context(1, 0.3), vetoes)
    capturer = Capturer(setup, VirtualClock(), Latest[list[Frame]]())
    assert capturer.step(anyio.current_time()) is None
    assert vetoes.strongest is None


async def test_a_source_that_fails_while_there_was_nothing_to_see_is_what_people_are_told_of() -> None:
    @dataclass
    class Gone(Screen):
        def grab(self, now: float) -> Image | None:
            self.grabs += 1
            raise NothingToSee("minimised") if self.grabs < 30 else SourceError("the screen is gone")

    rig, _ = diaried(source=Gone())
    opened: list[str | None] = []
    vetoes = Vetoes()

    def reopen() -> Screen:
        opened.append(vetoes.note)
        return Screen()

    frames = Latest[list[Frame]]()
    setup = CaptureSetup(rig.source, TICK, rig.context, vetoes, reopen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(capture, setup, rig.worker("capture"), rig.worker, rig.clock, frames)
        await anyio.sleep(0.3)
        assert vetoes.note == "minimised"
        await anyio.sleep(1.0)
        tasks.cancel_scope.cancel()
    assert opened == [None]


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
