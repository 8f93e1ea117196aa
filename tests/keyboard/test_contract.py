"""What every keyboard promises, over all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ngrt.errors import NgrtError, PadError, SettingsError, SourceError
from ngrt.fakes import FakeKeys
from ngrt.interfaces import Keys
from ngrt.keyboard.guarded import Guardian
from ngrt.keyboard.keys_win32 import Win32Keys
from ngrt.keyboard.names import KEYS
from ngrt.keyboard.open import open_keys, open_sender
from ngrt.keyboard.sender_win32 import Win32Sender
from ngrt.keyboard.sender_x11 import X11Sender
from ngrt.keyboard.x11 import X11Keyboard
from tests.closing import closes_with_its_block, either_way
from tests.keyboard.user32_standin import StandinUser32

Hold = Callable[[str, bool], None]
Keyboard = tuple[Keys, Hold]


@contextmanager
def x11(display: str) -> Iterator[Keyboard]:
    with open_keys(display) as keys, X11Sender(display, KEYS) as fingers:

        def hold(name: str, down: bool) -> None:
            fingers.put([] if down else [name], [name] if down else [])
            fingers.settle()

        yield keys, hold


@pytest.fixture(params=["fake", "x11", "win32"])
def keyboard(request: pytest.FixtureRequest) -> Iterator[Keyboard]:
    """Yield a keyboard, and what holds and lets go of its keys."""
    if request.param == "x11":
        with x11(request.getfixturevalue("bare_display")) as found:
            yield found
    elif request.param == "fake":
        fake = FakeKeys()
        yield fake, lambda name, down: fake.down.add(name) if down else fake.down.discard(name)
    else:
        user32 = StandinUser32()

        def hold(name: str, down: bool) -> None:
            code = KEYS[name].scan + (0xE000 if KEYS[name].extended else 0)
            (user32.down.add if down else user32.down.discard)(code)

        yield Win32Keys(user32), hold


@pytest.mark.parametrize("name", ["F12", "a", "space", "Left", "Control_R", "KP_0"])
def test_a_key_is_pressed_while_it_is_held_and_no_other_is(keyboard: Keyboard, name: str) -> None:
    keys, hold = keyboard
    assert not keys.pressed(name)
    hold(name, True)
    assert keys.pressed(name)
    assert keys.pressed(name), "it still is"
    assert not keys.pressed("F11")
    hold(name, False)
    keys.pressed(name)  # may tell of the past
    assert not keys.pressed(name)


def test_it_may_be_closed_twice(keyboard: Keyboard) -> None:
    keys, _ = keyboard
    keys.close()
    keys.close()


@either_way
def test_a_with_closes_it_however_it_ends(keyboard: Keyboard, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    closes_with_its_block(lambda: keyboard[0], fails, monkeypatch)


PRESSING: dict[str, Callable[[str], object]] = {
    "sender on X11": lambda display: open_sender(display, ["a"]),
    "sender on Windows": lambda display: Win32Sender(StandinUser32()),
    "keyboard of X11": lambda display: X11Keyboard(display, PadError),
    "guardian": lambda display: Guardian(display, ["a"]),
}


@either_way
@pytest.mark.parametrize("pressing", PRESSING)
def test_a_with_closes_what_presses_keys_and_what_lets_go_of_them(
    pressing: str, fails: bool, bare_display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes_with_its_block(lambda: PRESSING[pressing](bare_display), fails, monkeypatch)


@pytest.mark.parametrize("failure", [SourceError, PadError])
def test_a_server_that_sends_what_the_library_does_not_know_is_an_error_in_a_line(
    failure: type[NgrtError], bare_display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense() -> int:
        raise AssertionError(7)  # python-xlib's answer to it

    with X11Keyboard(bare_display, failure) as found:
        with monkeypatch.context() as broken:
            broken.setattr(found._server, "pending_events", nonsense)
            for ask in (found.down, lambda: found.put([], [])):
                with pytest.raises(failure, match=rf"keyboard of display {bare_display} cannot be reached \(7\)"):
                    ask()
        assert found.lost


@pytest.mark.parametrize("keyboard", ["x11", "win32"], indirect=True)
def test_a_key_that_does_not_exist_is_refused_with_the_nearest(keyboard: Keyboard) -> None:
    keys, _ = keyboard
    with pytest.raises(SettingsError, match=r"no key is called 'f13' here; the nearest: F3, F1, F12"):
        keys.pressed("f13")


def test_a_tap_between_two_polls_is_told_of_once_on_windows_but_none_before_the_first() -> None:
    user32 = StandinUser32()
    keys = Win32Keys(user32)
    user32.tapped.add(KEYS["F12"].virtual)
    assert not keys.pressed("F12"), "before the session"
    user32.tapped.add(KEYS["F12"].virtual)
    assert keys.pressed("F12")
    assert not keys.pressed("F12")


def test_windows_keys_elsewhere_are_refused_in_a_line() -> None:
    with pytest.raises(SourceError, match="no Windows keyboard here; give an X11 display") as caught:
        Win32Keys()
    assert caught.value.remedy == "give an X11 display, such as --display :0"
