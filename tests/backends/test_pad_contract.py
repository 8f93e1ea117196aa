"""What every pad promises, over all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from ngrt.actions import BUTTONS_17
from ngrt.arcade.game import Arcade
from ngrt.backends.fakes import FakePad
from ngrt.backends.pad_none import RecordingPad
from ngrt.backends.pads import open_pad
from ngrt.errors import PadError
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, STILL, PadState
from tests.backends.vgamepad_standin import System

BUSY = PadState(frozenset({"SOUTH", "DPAD_LEFT", "LEFT_TRIGGER", "GUIDE"}), (1.0, -1.0), (-0.25, 0.5))


@dataclass
class Case:
    """An open pad; ``seen`` is what a game has of it now."""

    pad: Pad
    seen: Callable[[], PadState]


def _recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    pad = RecordingPad()
    return Case(pad, lambda: pad.state)


def _fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    pad = FakePad()
    return Case(pad, lambda: pad.state)


def _arcade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    held = [NEUTRAL]
    arcade = Arcade(0, time.monotonic)
    monkeypatch.setattr(arcade, "hold", held.append)
    return Case(arcade.pad, lambda: held[-1])


def _vgamepad(kind: Literal["xbox", "ds4"], *, windows: bool) -> Callable[[Path, pytest.MonkeyPatch], Case]:
    def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
        system = System(windows=windows)
        system.install(monkeypatch, tmp_path)
        return Case(open_pad(kind), lambda: system.seen[-1])

    return make


CASES: dict[str, Callable[[Path, pytest.MonkeyPatch], Case]] = {
    "none": _recording,
    "fake": _fake,
    "arcade": _arcade,
    "xbox on Linux": _vgamepad("xbox", windows=False),
    "xbox on Windows": _vgamepad("xbox", windows=True),
    "ds4 on Linux": _vgamepad("ds4", windows=False),
    "ds4 on Windows": _vgamepad("ds4", windows=True),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    return CASES[request.param](tmp_path, monkeypatch)


def same(one: PadState, other: PadState) -> bool:
    """Whether two states are the same but for what a device's steps leave of its sticks."""
    return one.buttons == other.buttons and (*one.left, *one.right) == pytest.approx(
        (*other.left, *other.right), abs=0.01
    )


def test_any_state_is_what_a_game_has_until_the_next(case: Case) -> None:
    states = [
        NEUTRAL,
        BUSY,
        BUSY,
        PadState(left=(0.0, 1.0)),
        PadState(frozenset(BUTTONS_17) - {"DPAD_UP", "DPAD_LEFT"}),
    ]
    states += [PadState(frozenset({name})) for name in BUTTONS_17]
    ways = ((-1.0, 0.5), (1.0, -0.5), (0.0, -1.0))
    states += [PadState(left=way) for way in ways] + [PadState(right=way) for way in ways]
    for state in (*states, NEUTRAL):
        case.pad.send(state)
        assert same(case.seen(), state), state
    case.pad.close()


def test_it_may_be_closed_twice_and_unused(case: Case) -> None:
    case.pad.close()
    case.pad.close()
    assert same(case.seen(), NEUTRAL)


def test_its_name_is_one_line(case: Case) -> None:
    assert case.pad.name
    assert "\n" not in case.pad.name
    case.pad.close()


def test_closing_leaves_it_neutral(case: Case) -> None:
    assert same(case.seen(), NEUTRAL)
    case.pad.send(BUSY)
    assert same(case.seen(), BUSY)
    case.pad.close()
    assert same(case.seen(), NEUTRAL)


def test_its_motors_are_still_as_long_as_no_game_moves_them(case: Case) -> None:
    assert case.pad.rumble == STILL
    case.pad.send(BUSY)
    assert case.pad.rumble == STILL
    case.pad.close()
    assert case.pad.rumble == STILL


def test_a_recording_pad_keeps_the_newest_states_and_counts_all() -> None:
    pad = RecordingPad(kept=3)
    sent = [PadState(left=(step / 10, 0.0)) for step in range(10)]
    for state in sent:
        pad.send(state)
    assert list(pad.states) == sent[-3:]
    assert pad.count == 10


def test_a_recording_pad_records_that_it_was_made_neutral_once() -> None:
    pad = RecordingPad()
    pad.send(BUSY)
    pad.close()
    pad.close()
    assert list(pad.states) == [BUSY, NEUTRAL]


def test_a_fake_pad_fails_once_when_it_is_told_to() -> None:
    pad = FakePad(fail_at=1)
    pad.send(BUSY)
    with pytest.raises(PadError, match="as it was told to"):
        pad.send(BUSY)
    pad.close()
    assert pad.state == NEUTRAL
