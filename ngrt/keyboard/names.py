"""The keys of a keyboard by the names that X11 gives them: one set of names on every platform.

On X11 a name is what the key types in the layout in use; on Windows it is the key in that place on a US keyboard, for
games read places there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from ngrt.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Key:
    """A key on Windows: ``virtual`` is its virtual-key code, ``scan`` the code its press sends (set 1).

    ``extended``: its scan code comes after 0xE0. ``scan`` 0: it can be watched but not pressed. A lock would stay on
    after its release, and Pause has no scan code of its own.
    """

    virtual: int
    scan: int = 0
    extended: bool = False


def _row(first: int, keys: str, virtual: Iterable[int]) -> dict[str, Key]:
    return {
        name: Key(code, first + place) for place, (name, code) in enumerate(zip(keys.split(), virtual, strict=True))
    }


KEYS: dict[str, Key] = {
    **_row(0x02, "1 2 3 4 5 6 7 8 9 0", b"1234567890"),
    **_row(0x10, "q w e r t y u i o p", b"QWERTYUIOP"),
    **_row(0x1E, "a s d f g h j k l", b"ASDFGHJKL"),
    **_row(0x2C, "z x c v b n m", b"ZXCVBNM"),
    **_row(0x3B, "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10", range(0x70, 0x7A)),
    **_row(0x57, "F11 F12", (0x7A, 0x7B)),
    **_row(0x0C, "minus equal", (0xBD, 0xBB)),
    **_row(0x1A, "bracketleft bracketright", (0xDB, 0xDD)),
    **_row(0x27, "semicolon apostrophe grave", (0xBA, 0xDE, 0xC0)),
    **_row(0x33, "comma period slash", (0xBC, 0xBE, 0xBF)),
    **_row(0x47, "KP_7 KP_8 KP_9 KP_Subtract", (0x67, 0x68, 0x69, 0x6D)),
    **_row(0x4B, "KP_4 KP_5 KP_6 KP_Add", (0x64, 0x65, 0x66, 0x6B)),
    **_row(0x4F, "KP_1 KP_2 KP_3 KP_0", (0x61, 0x62, 0x63, 0x60)),
    "Escape": Key(0x1B, 0x01),
    "BackSpace": Key(0x08, 0x0E),
    "Tab": Key(0x09, 0x0F),
    "Return": Key(0x0D, 0x1C),
    "space": Key(0x20, 0x39),
    "backslash": Key(0xDC, 0x2B),
    "less": Key(0xE2, 0x56),  # beside the left shift; not on US keyboards
    "KP_Multiply": Key(0x6A, 0x37),
    "KP_Divide": Key(0x6F, 0x35, extended=True),
    "KP_Enter": Key(0x0D, 0x1C, extended=True),
    "Shift_L": Key(0xA0, 0x2A),
    "Shift_R": Key(0xA1, 0x36),
    "Control_L": Key(0xA2, 0x1D),
    "Control_R": Key(0xA3, 0x1D, extended=True),
    "Alt_L": Key(0xA4, 0x38),
    "Alt_R": Key(0xA5, 0x38, extended=True),
    "Super_L": Key(0x5B, 0x5B, extended=True),
    "Super_R": Key(0x5C, 0x5C, extended=True),
    "Menu": Key(0x5D, 0x5D, extended=True),
    "Up": Key(0x26, 0x48, extended=True),
    "Down": Key(0x28, 0x50, extended=True),
    "Left": Key(0x25, 0x4B, extended=True),
    "Right": Key(0x27, 0x4D, extended=True),
    "Home": Key(0x24, 0x47, extended=True),
    "End": Key(0x23, 0x4F, extended=True),
    "Page_Up": Key(0x21, 0x49, extended=True),
    "Page_Down": Key(0x22, 0x51, extended=True),
    "Insert": Key(0x2D, 0x52, extended=True),
    "Delete": Key(0x2E, 0x53, extended=True),
    "Pause": Key(0x13),
    "Caps_Lock": Key(0x14),
    "Num_Lock": Key(0x90),
    "Scroll_Lock": Key(0x91),
}
"""Scan codes and virtual-key codes as Microsoft's "Keyboard Input Overview" and "Virtual-Key Codes" list them."""

SAMPLES = ("a", "F12", "Return", "Left", "Alt_L")

PRESSABLE = tuple(name for name, key in KEYS.items() if key.scan)


def known(name: str, names: Iterable[str] = KEYS) -> str:
    """Return ``name`` if it is one of ``names``.

    :raises SettingsError: it is not; says which are nearest
    """
    names = list(names)
    if name not in names:
        raise SettingsError(f"no key is called {name!r} here", remedy=nearest(name, names))
    return name


def nearest(name: str, names: Iterable[str]) -> str:
    """Return advice: the names most like ``name``, case left aside."""
    lower = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), lower, n=3, cutoff=0.5)
    if not found:
        samples = [one for one in SAMPLES if one in lower.values()] or [*lower.values()][:4]
        return f"the names are such as {', '.join(samples)}"
    return f"the nearest: {', '.join(lower[one] for one in found)}"
