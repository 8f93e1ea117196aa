"""The keyboard pad over senders that record or fail, and Windows' side of it; real X servers are in tests/real."""

import queue
from collections.abc import Iterable
from ctypes import sizeof
from pathlib import Path
from typing import cast

import pytest

from ngrt.errors import PadError, SettingsError
from ngrt.keyboard import guardian
from ngrt.keyboard.guarded import Guardian
from ngrt.keyboard.guardian import release
from ngrt.keyboard.names import KEYS, PRESSABLE
from ngrt.keyboard.sender_win32 import Input, KeyboardInput, MouseInput, Win32Sender
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.keyboard import KeyboardPad
from ngrt.pads.keyboard_mapping import DEFAULT
from tests.keyboard.user32_standin import StandinUser32

SOUTH = PadState(frozenset({"SOUTH"}))
RIGHT_UP = PadState(left=(1.0, -1.0))
KEYUP, EXTENDED, SCANCODE = 0x2, 0x1, 0x8


class Fingers:
    """Records what is sent; ``fails``: at how many of the coming calls."""

    name = "fingers"
    lost = False

    def __init__(self, fails: int = 0) -> None:
        self.calls: list[tuple[list[str], list[str]]] = []
        self.down: set[str] = set()
        self.fails = fails
        self.closed = 0

    def put(self, up: Iterable[str], down: Iterable[str]) -> None:
        up, down = list(up), list(down)
        self.calls.append((up, down))
        if self.fails:
            self.fails -= 1
            self.down.update(down[:1])  # some of it may have been done
            raise PadError("fingers fail, as they were told to")
        self.down.difference_update(up)
        self.down.update(down)

    def settle(self) -> None:
        pass

    def any_down(self, names: Iterable[str]) -> bool:
        return not self.down.isdisjoint(names)

    def close(self) -> None:
        self.closed += 1


def test_only_what_differs_is_sent_in_one_call_a_tick_releases_first() -> None:
    fingers = Fingers()
    pad = KeyboardPad(sender=fingers)
    for state in (NEUTRAL, SOUTH, SOUTH, RIGHT_UP, PadState(left=(0.9, -0.8)), PadState(left=(0.9, 0.0)), NEUTRAL):
        pad.send(state)
    assert fingers.calls == [
        ([], ["space"]),
        (["space"], ["d", "w"]),
        (["w"], []),
        (["d"], []),
    ]
    pad.close()


def test_closing_lets_go_of_what_is_down_and_of_the_keyboard_once() -> None:
    fingers = Fingers()
    pad = KeyboardPad(sender=fingers)
    pad.send(RIGHT_UP)
    pad.close()
    pad.close()
    assert fingers.calls[-1] == (["d", "w"], [])
    assert not fingers.down
    assert fingers.closed == 1
    with pytest.raises(PadError, match="fingers is closed"):
        pad.send(SOUTH)


def test_after_a_failure_everything_that_may_be_down_is_let_go() -> None:
    fingers = Fingers()
    pad = KeyboardPad(sender=fingers)
    pad.send(SOUTH)
    fingers.fails = 1
    with pytest.raises(PadError, match="as they were told to"):
        pad.send(RIGHT_UP)
    assert fingers.calls[-1] == (["d", "space", "w"], [])
    assert not fingers.down
    pad.close()


def test_what_could_not_be_let_go_of_is_let_go_of_when_the_pad_is_closed() -> None:
    fingers = Fingers(fails=2)
    pad = KeyboardPad(sender=fingers)
    with pytest.raises(PadError):
        pad.send(RIGHT_UP)
    assert fingers.down == {"d"}
    pad.close()
    assert not fingers.down


def test_a_pad_that_cannot_let_go_says_so_and_lets_go_of_the_keyboard() -> None:
    fingers = Fingers()
    pad = KeyboardPad(sender=fingers)
    pad.send(SOUTH)
    fingers.fails = 1
    with pytest.raises(PadError, match="as they were told to"):
        pad.close()
    assert fingers.closed == 1


def test_the_pad_tells_which_keys_it_may_press(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('[buttons]\nSOUTH = "F12"\n[sticks]\nleft_up = ["w", "Up"]\n')
    assert KeyboardPad(path, sender=Fingers()).key_names == {"F12", "w", "Up"}


def test_a_mapping_that_is_wrong_is_refused_before_the_keyboard_is_touched(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"start from a copy of {DEFAULT}"):
        KeyboardPad(tmp_path / "none.toml", ":4711")


def test_a_guardian_that_cannot_start_is_an_error_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(PadError, match="what lets go of the keys after a crash cannot be started"):
        Guardian(":0", ["w"])


def test_keys_are_let_go_of_again_as_long_as_presses_still_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian, "PAUSE", 0.0)
    late = [{"w"}, {"d"}, set()]

    class Late(Fingers):
        def any_down(self, names: Iterable[str]) -> bool:
            self.down.update(late.pop(0))
            return super().any_down(names)

    fingers = Late()
    release(fingers, ["w", "d"])
    assert fingers.calls == [(["w", "d"], [])] * 3
    assert not fingers.down


def test_a_key_that_somebody_else_holds_is_not_fought_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian, "PAUSE", 0.0)

    class Shared(Fingers):
        def any_down(self, names: Iterable[str]) -> bool:
            return True

    fingers = Shared()
    release(fingers, ["w"])
    assert len(fingers.calls) == guardian.ROUNDS


def test_a_keyboard_that_does_not_answer_is_asked_again_and_one_that_is_lost_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guardian, "PAUSE", 0.0)
    fingers = Fingers(fails=100)
    fingers.down.add("w")
    release(fingers, ["w"])
    assert len(fingers.calls) == 101
    assert not fingers.down
    fingers.lost = True
    release(fingers, ["w"])
    assert len(fingers.calls) == 101


def test_an_input_has_the_size_and_places_that_windows_has_for_it() -> None:
    assert sizeof(KeyboardInput) == 24
    assert sizeof(MouseInput) == 32
    assert sizeof(Input) == 40
    assert Input.u.offset == 8
    fields = {name: getattr(KeyboardInput, name).offset for name, *_ in KeyboardInput._fields_}
    assert fields == {"wVk": 0, "wScan": 2, "dwFlags": 4, "time": 8, "dwExtraInfo": 16}


def test_on_windows_keys_go_as_scan_codes_all_of_a_tick_in_one_call() -> None:
    user32 = StandinUser32()
    sender = Win32Sender(user32)
    sender.put([], ["w", "Left"])
    sender.put(["w", "Left"], ["KP_4"])
    assert user32.calls == 2
    assert user32.sent == [
        (0x11, SCANCODE),
        (0xE04B, SCANCODE | EXTENDED),
        (0x11, SCANCODE | KEYUP),
        (0xE04B, SCANCODE | EXTENDED | KEYUP),
        (0x4B, SCANCODE),
    ]
    assert user32.down == {0x4B}


def test_on_windows_every_key_is_down_and_up_again() -> None:
    user32 = StandinUser32()
    sender = Win32Sender(user32)
    sender.put([], PRESSABLE)
    assert len(user32.down) == len(PRESSABLE)
    assert all(sender.any_down([name]) for name in PRESSABLE)
    sender.put(PRESSABLE, [])
    assert user32.down == set()
    assert not sender.any_down(PRESSABLE)


def test_on_windows_a_tick_without_change_asks_nothing_of_it() -> None:
    user32 = StandinUser32()
    pad = KeyboardPad(sender=Win32Sender(user32))
    pad.send(NEUTRAL)
    pad.close()
    assert user32.calls == 0


def test_on_windows_blocked_input_is_an_error_with_the_remedy() -> None:
    user32 = StandinUser32()
    pad = KeyboardPad(sender=Win32Sender(user32))
    pad.send(SOUTH)
    user32.blocked = True
    with pytest.raises(PadError, match=r"Windows took 0 of 3 key events; close what blocks input .* the game's own"):
        pad.send(RIGHT_UP)
    user32.blocked = False
    pad.close()
    assert user32.down == set()


def test_keys_that_can_be_watched_only_have_no_scan_code() -> None:
    assert set(KEYS) - set(PRESSABLE) == {"Pause", "Caps_Lock", "Num_Lock", "Scroll_Lock"}


class Beats:
    """Heartbeats that come, and a silence where None is next."""

    def __init__(self, *beats: bytes | None) -> None:
        self._beats = list(beats)

    def get(self, timeout: float | None = None) -> bytes:
        beat = self._beats.pop(0)
        if beat is None:
            assert timeout is not None
            raise queue.Empty
        return beat

    def empty(self) -> bool:
        return True


def test_keys_are_let_go_of_in_each_silence_and_at_the_end() -> None:
    fingers = Fingers()
    guardian.guard(fingers, ["w"], cast("queue.SimpleQueue[bytes]", Beats(b".", None, b".", b"..", None, b".", b"")))
    assert fingers.calls == [(["w"], [])] * 3


def test_keys_are_not_fought_over_with_who_presses_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian, "PAUSE", 0.0)
    fingers = Fingers()
    release(fingers, ["w"], enough=lambda: True)
    assert fingers.calls == []
