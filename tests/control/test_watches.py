"""The focus, keys and a person's pad: what each says of what it sees."""

from collections.abc import Callable

import pytest

from ngrt.control.watches import DEAD_ZONE, REST, FocusGuard, LockGuard, PanicKey, TakeoverKey, TakeoverPad, in_use
from ngrt.errors import SettingsError, SourceError
from ngrt.fakes import FakeDesktop, FakeKeys
from ngrt.interfaces import StoppedByPerson, Window
from ngrt.messages import NEUTRAL, PadState
from tests.closing import closes_with_its_block, either_way


def window(number: int, pid: int | None) -> Window:
    return Window(number, f"window {number}", pid, "game.exe", 0, 0, 640, 480)


@pytest.fixture
def desktop() -> FakeDesktop:
    return FakeDesktop([window(1, 100), window(2, 200), window(3, 100), window(4, None), window(5, None)], focus=1)


@pytest.fixture
def guard(desktop: FakeDesktop) -> FocusGuard:
    return FocusGuard(desktop, lambda: 1, "game.exe")


def test_the_policy_plays_while_the_games_window_has_the_focus(guard: FocusGuard) -> None:
    assert guard.poll(0.0) is None


@pytest.mark.parametrize("focus", [2, 4, 99, None])
def test_without_the_focus_the_pad_is_neutral_and_it_says_why_and_how_to_play_on(
    desktop: FakeDesktop, guard: FocusGuard, focus: int | None
) -> None:
    desktop.focus = focus
    verdict = guard.poll(0.0)
    assert verdict is not None
    assert (verdict.source, verdict.state) == ("blocked", NEUTRAL)
    assert verdict.note == "game.exe lost the focus; pad neutral (--no-focus-guard plays on)"
    desktop.focus = 1
    assert guard.poll(0.1) is None


def test_another_window_of_the_same_process_is_the_game_too(desktop: FakeDesktop, guard: FocusGuard) -> None:
    desktop.focus = 3
    assert guard.poll(0.0) is None


def test_two_windows_of_which_nobody_knows_the_process_are_not_taken_for_one_game(desktop: FakeDesktop) -> None:
    desktop.focus = 5
    assert FocusGuard(desktop, lambda: 4, "game").poll(0.0) is not None


def test_a_window_that_takes_the_place_of_the_games_is_the_one_that_must_have_the_focus(desktop: FakeDesktop) -> None:
    numbers = iter([1, 2, 2])
    guard = FocusGuard(desktop, lambda: next(numbers), "game.exe")
    desktop.focus = 2
    assert guard.poll(0.0) is not None
    assert guard.poll(0.1) is None
    desktop.focus = 3
    assert guard.poll(0.2) is not None


def test_the_windows_are_asked_for_their_process_only_when_they_change(
    desktop: FakeDesktop,
) -> None:
    asked: list[int] = []

    class Asked(FakeDesktop):
        def window(self, number: int) -> Window | None:
            asked.append(number)
            return super().window(number)

    guard = FocusGuard(Asked(desktop.shown, focus=3), lambda: 1, "game.exe")
    assert [guard.poll(turn / 100) for turn in range(50)] == [None] * 50
    assert asked == [1, 3]


def test_a_game_without_a_window_keeps_the_pad_neutral(desktop: FakeDesktop) -> None:
    verdict = FocusGuard(desktop, lambda: None, "game.exe").poll(0.0)
    assert verdict is not None
    assert (verdict.source, verdict.note) == ("blocked", "game.exe has no window; pad neutral")


def test_a_desktop_that_is_gone_is_an_error(desktop: FakeDesktop, guard: FocusGuard) -> None:
    desktop.gone = True
    with pytest.raises(SourceError):
        guard.poll(0.0)
    guard.close()
    assert desktop.closed


def test_the_panic_key_stops_the_session_and_says_which_key_it_was() -> None:
    keys = FakeKeys()
    panic = PanicKey(keys, "F12")
    assert panic.poll(0.0) is None
    keys.down.add("F12")
    with pytest.raises(StoppedByPerson, match="stopped by F12; the pad is neutral"):
        panic.poll(0.1)


def test_a_panic_key_that_is_held_from_before_must_be_let_go_first() -> None:
    keys = FakeKeys({"F12"})
    panic = PanicKey(keys, "F12")
    assert panic.poll(0.0) is None
    assert panic.poll(0.1) is None
    keys.down.clear()
    assert panic.poll(0.2) is None
    keys.down.add("F12")
    with pytest.raises(StoppedByPerson):
        panic.poll(0.3)


def test_a_key_that_no_keyboard_has_is_refused_before_play() -> None:
    class Strict(FakeKeys):
        def pressed(self, name: str) -> bool:
            raise SettingsError(f"no key is called {name}")

    for watch in (PanicKey, TakeoverKey):
        with pytest.raises(SettingsError, match="F99"):
            watch(Strict(), "F99")


def test_while_the_takeover_key_is_held_the_policy_lets_go() -> None:
    keys = FakeKeys()
    takeover = TakeoverKey(keys, "LeftAlt")
    assert takeover.poll(0.0) is None
    keys.down.add("LeftAlt")
    verdict = takeover.poll(0.1)
    assert verdict is not None
    assert (verdict.source, verdict.state) == ("person", NEUTRAL)
    assert "LeftAlt is held" in verdict.note
    keys.down.clear()
    assert takeover.poll(0.2) is None
    takeover.close()
    assert keys.closed


class FakePersonPad:
    """A pad that does what it is told; ``now`` None: unplugged."""

    def __init__(self, now: PadState | None = NEUTRAL) -> None:
        self.now = now
        self.closed = False

    @property
    def name(self) -> str:
        return "" if self.now is None else "Xbox pad"

    def state(self) -> PadState | None:
        return self.now

    def close(self) -> None:
        self.closed = True


SOUTH = PadState(frozenset({"SOUTH"}))


@pytest.mark.parametrize(
    "state", [SOUTH, PadState(left=(0.0, -0.3)), PadState(right=(0.2, 0.2)), PadState(frozenset({"LEFT_TRIGGER"}))]
)
def test_a_pad_that_is_used_plays_instead_of_the_policy(state: PadState) -> None:
    reader = FakePersonPad()
    takeover = TakeoverPad(reader)
    assert takeover.poll(0.0) is None
    reader.now = state
    verdict = takeover.poll(0.01)
    assert verdict is not None
    assert (verdict.source, verdict.state) == ("person", state)
    assert "Xbox pad" in verdict.note


def test_a_worn_stick_that_rests_off_its_centre_is_not_used() -> None:
    drifting = PadState(left=(DEAD_ZONE * 0.7, DEAD_ZONE * 0.7))
    assert not in_use(drifting)
    assert TakeoverPad(FakePersonPad(drifting)).poll(0.0) is None


def test_the_policy_goes_on_once_the_pad_has_been_at_rest_for_a_while() -> None:
    reader = FakePersonPad(SOUTH)
    takeover = TakeoverPad(reader)
    assert takeover.poll(5.0) is not None
    reader.now = PadState(left=(0.1, 0.0))
    verdict = takeover.poll(5.0 + REST)
    assert verdict is not None
    assert verdict.state == reader.now
    assert takeover.poll(5.0 + REST + 0.01) is None


def test_a_pad_that_is_held_for_long_stays_the_persons() -> None:
    takeover = TakeoverPad(FakePersonPad(SOUTH))
    assert all(takeover.poll(float(second)) is not None for second in range(100))


def test_without_a_pad_the_policy_plays_and_people_are_told_until_there_is_one() -> None:
    reader = FakePersonPad(None)
    takeover = TakeoverPad(reader)
    verdict = takeover.poll(0.0)
    assert verdict is not None
    assert (verdict.source, verdict.note) == ("policy", "a real pad is not there to take over with; plug it in")
    reader.now = NEUTRAL
    assert takeover.poll(0.1) is None


def test_a_pad_that_is_unplugged_while_used_gives_play_back_at_once_and_is_named() -> None:
    reader = FakePersonPad(SOUTH)
    takeover = TakeoverPad(reader)
    takeover.poll(0.0)
    reader.now = None
    verdict = takeover.poll(0.01)
    assert verdict is not None
    assert verdict.source == "policy"
    assert verdict.note.startswith("Xbox pad is not there")
    reader.now = NEUTRAL
    assert takeover.poll(0.02) is None
    takeover.close()
    assert reader.closed


WATCHES: dict[str, Callable[[], object]] = {
    "focus": lambda: FocusGuard(FakeDesktop(), lambda: 1, "game.exe"),
    "panic key": lambda: PanicKey(FakeKeys(), "F12"),
    "takeover key": lambda: TakeoverKey(FakeKeys(), "F11"),
    "takeover pad": lambda: TakeoverPad(FakePersonPad()),
}


@either_way
@pytest.mark.parametrize("watch", WATCHES)
def test_a_with_closes_a_watch_however_it_ends(watch: str, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    closes_with_its_block(WATCHES[watch], fails, monkeypatch)


class Locked:
    """Says that the session is locked for one window alone."""

    def __init__(self) -> None:
        self.closed = 0

    def reason(self, game: int | None) -> str | None:
        return "the session is locked" if game == 7 else None

    def close(self) -> None:
        self.closed += 1


def test_a_locked_session_blocks_with_the_reason_until_it_is_open() -> None:
    number, locks = 7, Locked()
    with LockGuard(locks, lambda: number) as guard:
        verdict = guard.poll(0.0)
        assert verdict is not None
        assert (verdict.source, verdict.state, verdict.note) == (
            "blocked",
            NEUTRAL,
            "the session is locked; pad neutral",
        )
        number = 8
        assert guard.poll(0.1) is None
    assert locks.closed == 1
