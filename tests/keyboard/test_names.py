"""The names of keys, and their codes against what the systems themselves say."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from Xlib import XK

from ngrt.errors import PadError, SettingsError
from ngrt.keyboard.names import KEYS, PRESSABLE, known
from ngrt.keyboard.x11 import X11Keyboard

EVDEV = 8
"""X key codes are Linux key codes and this; Linux numbers the keys of the first PC keyboard by their scan codes."""

EXTENDED = {
    "KP_Enter": 0x1C, "Control_R": 0x1D, "KP_Divide": 0x35, "Alt_R": 0x38, "Home": 0x47, "Up": 0x48, "Page_Up": 0x49,
    "Left": 0x4B, "Right": 0x4D, "End": 0x4F, "Down": 0x50, "Page_Down": 0x51, "Insert": 0x52, "Delete": 0x53,
    "Super_L": 0x5B, "Super_R": 0x5C, "Menu": 0x5D,
}  # fmt: skip
"""Scan codes after 0xE0, from the table "Scan codes" of Microsoft's "Keyboard Input Overview"."""

VIRTUAL = {
    "Escape": "ESCAPE", "BackSpace": "BACK", "Tab": "TAB", "Return": "RETURN", "space": "SPACE", "KP_Enter": "RETURN",
    "KP_Multiply": "MULTIPLY", "KP_Divide": "DIVIDE", "KP_Add": "ADD", "KP_Subtract": "SUBTRACT",
    "Shift_L": "LSHIFT", "Shift_R": "RSHIFT", "Control_L": "LCONTROL", "Control_R": "RCONTROL", "Alt_L": "LMENU",
    "Alt_R": "RMENU", "Super_L": "LWIN", "Super_R": "RWIN", "Menu": "APPS", "Up": "UP", "Down": "DOWN",
    "Left": "LEFT", "Right": "RIGHT", "Home": "HOME", "End": "END", "Page_Up": "PRIOR", "Page_Down": "NEXT",
    "Insert": "INSERT", "Delete": "DELETE", "Pause": "PAUSE", "Caps_Lock": "CAPITAL", "Num_Lock": "NUMLOCK",
    "Scroll_Lock": "SCROLL", **{f"F{number}": f"F{number}" for number in range(1, 13)},
    **{f"KP_{number}": f"NUMPAD{number}" for number in range(10)},
}  # fmt: skip
"""What win32con calls them, VK_ left out."""

OEM = {
    "semicolon": 0xBA, "equal": 0xBB, "comma": 0xBC, "minus": 0xBD, "period": 0xBE, "slash": 0xBF, "grave": 0xC0,
    "bracketleft": 0xDB, "backslash": 0xDC, "bracketright": 0xDD, "apostrophe": 0xDE, "less": 0xE2,
}  # fmt: skip
"""VK_OEM_1 to VK_OEM_102, of which win32con has none, from Microsoft's "Virtual-Key Codes"."""


def win32con() -> dict[str, int]:
    """Return the constants of pywin32's stubs, which need no Windows."""
    spec = find_spec("win32-stubs")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    text = Path(spec.submodule_search_locations[0], "lib", "win32con.pyi").read_text("utf-8")
    return {name: int(value) for name, value in re.findall(r"^(VK_\w+): Final = (\d+)$", text, re.MULTILINE)}


def test_virtual_key_codes_are_those_of_pywin32() -> None:
    constants = win32con()
    assert {name: KEYS[name].virtual for name in VIRTUAL} == {
        name: constants[f"VK_{theirs}"] for name, theirs in VIRTUAL.items()
    }


def test_virtual_key_codes_of_letters_digits_and_signs_are_those_of_the_documentation() -> None:
    rest = {name: key.virtual for name, key in KEYS.items() if name not in VIRTUAL}
    plain = {name: ord(name.upper()) for name in "abcdefghijklmnopqrstuvwxyz0123456789"}
    assert rest == plain | OEM


def test_scan_codes_after_e0_are_those_of_the_documentation() -> None:
    assert {name: key.scan for name, key in KEYS.items() if key.extended} == EXTENDED


def test_all_other_scan_codes_are_those_that_an_x_server_has_for_the_same_names(bare_display: str) -> None:
    keyboard = X11Keyboard(bare_display, PadError)
    ours = {name: KEYS[name].scan for name in PRESSABLE if not KEYS[name].extended}
    theirs = {name: keyboard.code(name) - EVDEV for name in ours}
    keyboard.close()
    assert len(ours) > 70
    assert ours == theirs


def test_an_x_server_has_every_key(bare_display: str) -> None:
    keyboard = X11Keyboard(bare_display, PadError)
    codes = [keyboard.code(name) for name in KEYS]
    keyboard.close()
    assert len(set(codes)) == len(KEYS)


def test_every_name_is_one_that_x11_knows() -> None:
    assert all(XK.string_to_keysym(name) for name in KEYS)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("Space", "the nearest: space"),
        ("enter", "the nearest: KP_Enter"),
        ("Shift", "the nearest: Shift_R, Shift_L"),
        ("q.", "the nearest: q"),
        ("!", "the names are such as a, F12, Return, Left, Alt_L"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(wrong: str, advice: str) -> None:
    with pytest.raises(SettingsError) as caught:
        known(wrong)
    assert str(caught.value).startswith(f"no key is called {wrong!r} here; {advice}")
