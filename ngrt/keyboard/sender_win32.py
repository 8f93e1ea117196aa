"""Presses keys on Windows through SendInput, as hardware scan codes: DirectInput games ignore virtual keys.

Has not been run on Windows; the structures are those of Microsoft's documentation of ``INPUT``. A game that runs as
administrator gets no keys from a program that does not, and Windows tells nobody.
"""

from collections.abc import Iterable
from ctypes import Structure, Union, c_int32, c_size_t, c_uint16, c_uint32, sizeof
from typing import ClassVar

from ngrt.errors import PadError
from ngrt.keyboard.names import KEYS
from ngrt.resource import Resource
from ngrt.win32.user32 import User32, load_user32

INPUT_KEYBOARD = 1
KEYEVENTF_EXTENDEDKEY = 0x0001
KEYEVENTF_KEYUP = 0x0002
KEYEVENTF_SCANCODE = 0x0008


class MouseInput(Structure):
    """The largest of what an input may be: it gives `Input` its size."""

    _fields_: ClassVar = [
        ("dx", c_int32),
        ("dy", c_int32),
        ("mouseData", c_uint32),
        ("dwFlags", c_uint32),
        ("time", c_uint32),
        ("dwExtraInfo", c_size_t),
    ]


class KeyboardInput(Structure):
    """A key going down or up."""

    _fields_: ClassVar = [
        ("wVk", c_uint16),
        ("wScan", c_uint16),
        ("dwFlags", c_uint32),
        ("time", c_uint32),
        ("dwExtraInfo", c_size_t),
    ]


class _Either(Union):
    _fields_: ClassVar = [("mi", MouseInput), ("ki", KeyboardInput)]


class Input(Structure):
    """One input event: 40 bytes in a 64-bit process."""

    _fields_: ClassVar = [("type", c_uint32), ("u", _Either)]


class Win32Sender(Resource):
    """Presses keys where the focus is.

    ``user32``: stands in for Windows' own.

    :raises PadError: this is not Windows
    """

    name = "keyboard of Windows"
    lost = False

    def __init__(self, user32: User32 | None = None) -> None:
        self._user32 = user32 or load_user32(PadError)

    def put(self, up: Iterable[str], down: Iterable[str]) -> None:
        """Send all releases and presses in one call, so that nothing comes between them.

        :raises PadError: Windows does not take them
        """
        events = [_event(name, KEYEVENTF_KEYUP) for name in up] + [_event(name, 0) for name in down]
        if not events:
            return
        taken = self._user32.SendInput(len(events), (Input * len(events))(*events), sizeof(Input))
        if taken != len(events):
            raise PadError(
                f"Windows took {taken} of {len(events)} key events",
                remedy=(
                    "close what blocks input (a password or UAC prompt, a locked screen), "
                    "or start ngrt with the game's own rights"
                ),
            )

    def settle(self) -> None:
        """Nothing to wait for: SendInput returns when the events are in the queue."""

    def any_down(self, names: Iterable[str]) -> bool:
        """Return whether one of the keys is down."""
        return any(self._user32.GetAsyncKeyState(KEYS[name].virtual) & 0x8000 for name in names)

    def close(self) -> None:
        """Nothing to let go of."""


def _event(name: str, flags: int) -> Input:
    key = KEYS[name]
    flags |= KEYEVENTF_SCANCODE | (KEYEVENTF_EXTENDEDKEY if key.extended else 0)
    event = Input(type=INPUT_KEYBOARD)
    event.u.ki = KeyboardInput(wScan=key.scan, dwFlags=flags)
    return event
