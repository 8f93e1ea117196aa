"""What every pad promises, over all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from ngrt.arcade.game import Arcade
from ngrt.errors import PadError
from ngrt.fakes import FakePad
from ngrt.interfaces import Pad
from ngrt.keyboard.names import KEYS
from ngrt.keyboard.open import open_keys
from ngrt.keyboard.sender_win32 import Win32Sender
from ngrt.messages import NEUTRAL, STILL, PadState
from ngrt.pads.keyboard import KeyboardPad
from ngrt.pads.keyboard_mapping import load_mapping
from ngrt.pads.lock import PadLock
from ngrt.pads.open import open_pad
from ngrt.pads.person.evdev import EvdevPad
from ngrt.pads.person.xinput import Report, XInputPad
from ngrt.pads.recording import RecordingPad
from ngrt.policy.actions import BUTTONS_17
from tests.closing import closes_with_its_block, either_way
from tests.keyboard.user32_standin import StandinUser32
from tests.pads.vgamepad_standin import System

BUSY = PadState(frozenset({"SOUTH", "DPAD_LEFT", "LEFT_TRIGGER", "GUIDE"}), (1.0, -1.0), (-0.25, 0.5))


@dataclass
class Case:
    """An open pad; ``shows`` tells whether it is in a state, as far as a game can see."""

    pad: Pad
    shows: Callable[[PadState], bool]


def seen_as(state: Callable[[], PadState]) -> Callable[[PadState], bool]:
    """Return what compares ``state()`` with another, but for what a device's steps leave of its sticks."""

    def shows(wanted: PadState) -> bool:
        found = state()
        ways = (*wanted.left, *wanted.right)
        return found.buttons == wanted.buttons and (*found.left, *found.right) == pytest.approx(ways, abs=0.01)

    return shows


def _recording(request: pytest.FixtureRequest) -> Case:
    pad = RecordingPad()
    return Case(pad, seen_as(lambda: pad.state))


def _fake(request: pytest.FixtureRequest) -> Case:
    pad = FakePad()
    return Case(pad, seen_as(lambda: pad.state))


def _arcade(request: pytest.FixtureRequest) -> Case:
    held = [NEUTRAL]
    arcade = Arcade(0, time.monotonic)
    request.getfixturevalue("monkeypatch").setattr(arcade, "hold", held.append)
    return Case(arcade.pad, seen_as(lambda: held[-1]))


def _vgamepad(kind: Literal["xbox", "ds4"], *, windows: bool) -> Callable[[pytest.FixtureRequest], Case]:
    def make(request: pytest.FixtureRequest) -> Case:
        system = System(windows=windows)
        system.install(request.getfixturevalue("monkeypatch"), request.getfixturevalue("tmp_path"))
        return Case(open_pad(kind), seen_as(lambda: system.seen[-1]))

    return make


def _keyboard_x11(request: pytest.FixtureRequest) -> Case:
    display: str = request.getfixturevalue("bare_display")
    mapping, keys = load_mapping(), open_keys(display)
    request.addfinalizer(keys.close)

    def shows(wanted: PadState) -> bool:
        return {name for name in mapping.names if keys.pressed(name)} == mapping.pressed(wanted)

    return Case(open_pad("keyboard", None, display), shows)


def _keyboard_win32(request: pytest.FixtureRequest) -> Case:
    mapping, user32 = load_mapping(), StandinUser32()

    def shows(wanted: PadState) -> bool:
        keys = [KEYS[name] for name in mapping.pressed(wanted)]
        return user32.down == {key.scan + (0xE000 if key.extended else 0) for key in keys}

    return Case(KeyboardPad(sender=Win32Sender(user32)), shows)


CASES: dict[str, Callable[[pytest.FixtureRequest], Case]] = {
    "none": _recording,
    "fake": _fake,
    "arcade": _arcade,
    "xbox on Linux": _vgamepad("xbox", windows=False),
    "xbox on Windows": _vgamepad("xbox", windows=True),
    "ds4 on Linux": _vgamepad("ds4", windows=False),
    "ds4 on Windows": _vgamepad("ds4", windows=True),
    "keyboard on X11": _keyboard_x11,
    "keyboard on Windows": _keyboard_win32,
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param](request)


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
        assert case.shows(state), state
    case.pad.close()


def test_it_may_be_closed_twice_and_unused(case: Case) -> None:
    case.pad.close()
    case.pad.close()
    assert case.shows(NEUTRAL)


@either_way
def test_a_with_closes_it_however_it_ends(case: Case, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    closes_with_its_block(lambda: case.pad, fails, monkeypatch)
    assert case.shows(NEUTRAL)


HELPERS: dict[str, Callable[[Path], object]] = {
    "lock": lambda folder: PadLock("with"),
    "a person's, on Linux": lambda folder: EvdevPad(folder, folder),
    "a person's, on Windows": lambda folder: XInputPad(lambda slot: Report()),
}


@either_way
@pytest.mark.parametrize("helper", HELPERS)
def test_a_with_closes_a_persons_pad_and_a_pads_lock(
    helper: str, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    closes_with_its_block(lambda: HELPERS[helper](tmp_path), fails, monkeypatch)


def test_its_name_is_one_line(case: Case) -> None:
    assert case.pad.name
    assert "\n" not in case.pad.name
    case.pad.close()


def test_closing_leaves_it_neutral(case: Case) -> None:
    assert case.shows(NEUTRAL)
    case.pad.send(BUSY)
    assert case.shows(BUSY)
    case.pad.close()
    assert case.shows(NEUTRAL)


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
