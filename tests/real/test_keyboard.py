"""A real keyboard: keys that are pressed on an X server, and let go of whatever happens to who pressed them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from Xlib.display import Display

from ngrt.errors import PadError, SettingsError, SourceError
from ngrt.keyboard import x11
from ngrt.keyboard.open import open_keys
from ngrt.keyboard.x11 import X11Keyboard
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.keyboard import KeyboardPad
from tests.patience import HANG, until
from tests.real.holding import holding
from tests.real.typing_window import TypingWindow
from tests.real.xvfb import Screen, require, x_server

if os.name == "nt":
    pytest.skip("an X server, and signals as on POSIX", allow_module_level=True)
assert sys.platform != "win32"

SOUTH = PadState(frozenset({"SOUTH"}))
RIGHT_UP = PadState(left=(1.0, -1.0))


def play_on(pad: KeyboardPad) -> None:
    for step in range(100):
        pad.send(RIGHT_UP if step % 2 else SOUTH)
        time.sleep(0.01)


def has_socket(process: int) -> bool:
    with suppress(FileNotFoundError):  # closed meanwhile
        return any(os.readlink(link).startswith("socket:") for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def wait_for_guardian(process: int) -> None:
    """Return once the guardian is connected to the display."""
    until(lambda: has_socket(process), "the guardian does not connect")
    time.sleep(0.2)


@contextmanager
def standing_still(server: "subprocess.Popen[bytes]") -> Iterator[None]:
    server.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.send_signal(signal.SIGCONT)


def test_a_game_is_told_of_every_change_in_order(screen: Screen, window: TypingWindow) -> None:
    pad = KeyboardPad(display=screen.display)
    for state in (SOUTH, SOUTH, RIGHT_UP, PadState(frozenset({"SOUTH"}), (1.0, 0.0)), NEUTRAL):
        pad.send(state)
    pad.send(PadState(frozenset({"DPAD_LEFT", "START"})))
    pad.close()
    assert [(note.key, note.down) for note in window.notes()] == [
        ("space", True),
        ("space", False), ("d", True), ("w", True),
        ("w", False), ("space", True),
        ("d", False), ("space", False),
        ("Left", True), ("Return", True),
        ("Left", False), ("Return", False),
    ]  # fmt: skip


def test_keys_of_the_pad_show_up_like_a_persons(screen: Screen) -> None:
    pad, keys = KeyboardPad(display=screen.display), open_keys(screen.display)
    assert "space" in pad.key_names
    pad.send(SOUTH)
    assert keys.pressed("space")
    pad.close()
    assert not keys.pressed("space")
    keys.close()


def test_the_display_is_the_environments_where_none_is_given(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", screen.display)
    pad = KeyboardPad()
    assert pad.name == f"keyboard of display {screen.display}"
    pad.close()


def test_a_key_that_the_layout_lacks_is_refused_by_name(screen: Screen, tmp_path: Path) -> None:
    display = Display(screen.display)
    first, keymap = display.keysym_to_keycode(ord("z")), [[0, 0]]
    display.change_keyboard_mapping(first, keymap)
    display.sync()
    display.close()
    path = tmp_path / "keys.toml"
    path.write_text('[buttons]\nSOUTH = "z"\n')
    with pytest.raises(SettingsError, match=f"the keyboard of display {screen.display} has no key z; choose another"):
        KeyboardPad(path, screen.display)


@pytest.mark.parametrize(
    ("layout", "wrong", "right"),
    [
        ("de", ["bracketleft", "slash", "apostrophe"], {"minus": 61, "z": 29, "less": 94}),  # AltGr and 8, Shift and 7
        ("fr", ["1", "period"], {"a": 24, "comma": 58, "w": 52}),
        ("us", [], {"bracketleft": 34, "1": 10, "less": 94, "KP_7": 79}),
        ("ru,us", ["w", "bracketleft"], {"1": 10, "F12": 96, "Return": 36}),  # in the second layout only
    ],
)
def test_a_key_is_the_one_that_types_it_with_no_other_held_or_it_is_refused(
    layout: str, wrong: list[str], right: dict[str, int], screen: Screen
) -> None:
    require("setxkbmap")
    screen.run("setxkbmap", layout)
    with X11Keyboard(screen.display, PadError) as keyboard:
        assert {name: keyboard.code(name) for name in right} == right
        for name in wrong:
            with pytest.raises(SettingsError, match=f"types {name} only with another key held, .*; choose another key"):
                keyboard.code(name)


def test_a_key_is_looked_for_in_the_layout_that_is_in_use(screen: Screen) -> None:
    require("setxkbmap")
    screen.run("setxkbmap", "-layout", "ru,us", "-option", "grp:toggle")
    toggle = 108  # the right Alt key, by that option
    with X11Keyboard(screen.display, PadError) as keyboard:
        keyboard.put([], [toggle])
        keyboard.put([toggle], [])
        keyboard.settle()
        with X11Keyboard(screen.display, PadError) as switched:
            assert switched.code("w") == 25


def test_a_display_without_xtest_is_refused(tmp_path: Path) -> None:
    with (
        x_server(tmp_path, extensions_off=("XTEST",)) as screen,
        pytest.raises(PadError, match=f"display {screen.display} has no XTEST, .*; use another X server"),
    ):
        KeyboardPad(display=screen.display)


@pytest.mark.parametrize("display", [":4711", "nonsense", "nowhere.invalid:0"])
def test_a_display_that_cannot_be_reached_is_refused_by_name(display: str) -> None:
    told = f"the keyboard of display {display} cannot be reached .*; check DISPLAY and XAUTHORITY"
    with pytest.raises(PadError, match=told) as caught:
        KeyboardPad(display=display)
    assert "\n" not in str(caught.value)
    with pytest.raises(SourceError, match=told):
        open_keys(display)


def test_no_display_at_all_is_refused_with_the_option_that_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(PadError, match="DISPLAY is not set; give one, such as --display :0"):
        KeyboardPad()
    with pytest.raises(SourceError, match="DISPLAY is not set; give one, such as --display :0"):
        open_keys()


def test_a_display_that_dies_is_an_error_in_one_line_for_who_presses_and_who_reads(screen: Screen) -> None:
    pad, keys = KeyboardPad(display=screen.display), open_keys(screen.display)
    pad.send(SOUTH)
    screen.server.kill()
    screen.server.wait()
    with pytest.raises(SourceError, match=r"cannot be reached \(Display connection closed by server"):
        keys.pressed("F12")
    with pytest.raises(PadError, match=r"cannot be reached \(Display connection closed by server") as caught:
        pad.send(RIGHT_UP)
    assert "\n" not in str(caught.value)
    with pytest.raises(PadError, match="cannot be reached"):
        pad.close()
    pad.close()
    keys.close()


def test_a_server_that_hangs_holds_nobody_up_and_lets_go_of_all_once_it_goes_on(
    screen: Screen, window: TypingWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x11, "PATIENCE", 0.2)
    pad, keys = KeyboardPad(display=screen.display), open_keys(screen.display)
    pad.send(SOUTH)
    window.wait_for_keys(some=True)
    pad.send(RIGHT_UP)
    assert pad._guardian is not None
    wait_for_guardian(pad._guardian.process)
    with standing_still(screen.server):
        start = time.monotonic()
        with pytest.raises(SourceError, match=f"the X server of display {screen.display} has not answered"):
            keys.pressed("F12")
        with pytest.raises(PadError, match=r"has not answered; keys may still be down there; restart it"):
            play_on(pad)
        with pytest.raises(PadError, match="has not answered"):
            pad.close()
        assert time.monotonic() - start < HANG
    window.wait_for_keys(some=False)
    keys.close()


def test_a_server_that_hangs_when_it_is_opened_is_refused(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11, "OPENING", 0.3)
    with standing_still(screen.server), pytest.raises(PadError, match="has not answered"):
        KeyboardPad(display=screen.display)


def test_a_killed_process_leaves_no_key_down(screen: Screen, window: TypingWindow) -> None:
    with holding(screen.display) as (process, _):
        window.wait_for_keys(some=True)
        assert window.keys_down() == {"space", "d", "w"}
        process.kill()
        window.wait_for_keys(some=False)
    time.sleep(0.3)
    assert window.keys_down() == set()


def test_without_its_guardian_a_killed_process_would_leave_its_keys_down(screen: Screen, window: TypingWindow) -> None:
    with holding(screen.display) as (process, guardian):
        window.wait_for_keys(some=True)
        os.kill(guardian, signal.SIGKILL)
        process.kill()
    time.sleep(0.5)
    assert window.keys_down() == {"space", "d", "w"}


def test_a_ctrl_c_in_the_terminal_is_not_for_the_guardian(screen: Screen, window: TypingWindow) -> None:
    with holding(screen.display) as (process, guardian):
        window.wait_for_keys(some=True)
        assert os.getpgid(guardian) != os.getpgid(process.pid)
        wait_for_guardian(guardian)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(guardian, number)
        time.sleep(0.3)
        process.kill()
        window.wait_for_keys(some=False)


def test_a_pad_that_is_closed_leaves_no_guardian_behind(screen: Screen) -> None:
    pad = KeyboardPad(display=screen.display)
    guardian = pad._guardian
    assert guardian is not None
    wait_for_guardian(guardian._process.pid)  # one that is still starting is left to end by itself
    pad.close()
    assert guardian._process.returncode is not None


def test_a_display_by_its_screens_name_is_the_same_keyboard(screen: Screen) -> None:
    pad = KeyboardPad(display=screen.display)
    with pytest.raises(PadError, match="in use by another ngrt"):
        KeyboardPad(display=f"{screen.display}.0")
    pad.close()
    KeyboardPad(display=f"{screen.display}.0").close()
