"""A real pad on Windows, read through XInput. Has not been run on Windows.

XInput cannot hide a pad: the game sees the real one beside the virtual one, so a person's input may reach it twice.
"""

import ctypes
import sys
from collections.abc import Callable

from ngrt.errors import PadError
from ngrt.messages import PadState
from ngrt.resource import Resource

SLOTS = 4
BUTTONS = {
    0x0001: "DPAD_UP", 0x0002: "DPAD_DOWN", 0x0004: "DPAD_LEFT", 0x0008: "DPAD_RIGHT", 0x0010: "START", 0x0020: "BACK",
    0x0040: "LEFT_THUMB", 0x0080: "RIGHT_THUMB", 0x0100: "LEFT_SHOULDER", 0x0200: "RIGHT_SHOULDER",
    0x1000: "SOUTH", 0x2000: "EAST", 0x4000: "WEST", 0x8000: "NORTH",
}  # fmt: skip
"""Bits of `wButtons`. XInput keeps the guide button to itself."""

PULLED = 64
"""Of 255: a trigger that is pulled farther is pulled."""


class Report(ctypes.Structure):
    """XINPUT_GAMEPAD; sticks count upward."""

    _fields_ = (
        ("wButtons", ctypes.c_uint16),
        ("bLeftTrigger", ctypes.c_uint8),
        ("bRightTrigger", ctypes.c_uint8),
        ("sThumbLX", ctypes.c_int16),
        ("sThumbLY", ctypes.c_int16),
        ("sThumbRX", ctypes.c_int16),
        ("sThumbRY", ctypes.c_int16),
    )


class State(ctypes.Structure):
    """XINPUT_STATE."""

    _fields_ = (("dwPacketNumber", ctypes.c_uint32), ("Gamepad", Report))


Read = Callable[[int], Report | None]
"""From a slot to what its pad does, None where no pad is in it."""


class XInputPad(Resource):
    """The first pad that was there before a virtual one was made: XInput does not say which one that is.

    :raises ngrt.errors.PadError: there is none
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        slots = [slot for slot in range(SLOTS) if read(slot) is not None]
        if not slots:
            raise PadError("no real pad is there to take over with", remedy="plug it in, then start again")
        self._slot = slots[0]
        self._there = True

    @property
    def name(self) -> str:
        """Its slot, for XInput knows no names; "" while it is unplugged."""
        return f"pad {self._slot + 1}" if self._there else ""

    def state(self) -> PadState | None:
        """Return what the pad does now, None while it is unplugged."""
        report = self._read(self._slot)
        self._there = report is not None
        return None if report is None else _state_of(report)

    def close(self) -> None:
        """Nothing to let go of."""


def _state_of(report: Report) -> PadState:
    names = {name for bit, name in BUTTONS.items() if report.wButtons & bit}
    names |= {"LEFT_TRIGGER"} if report.bLeftTrigger > PULLED else set()
    names |= {"RIGHT_TRIGGER"} if report.bRightTrigger > PULLED else set()
    left, right = (report.sThumbLX, report.sThumbLY), (report.sThumbRX, report.sThumbRY)
    return PadState(frozenset(names), _stick(left), _stick(right))


def _stick(counts: tuple[int, int]) -> tuple[float, float]:
    x, y = (max(-1.0, count / 32767) for count in counts)
    return x, -y


if sys.platform == "win32":

    def xinput() -> Read:
        """Return what reads a slot through the system's own library.

        :raises ngrt.errors.PadError: this Windows has none
        """
        try:
            get_state = ctypes.WinDLL("xinput1_4").XInputGetState
        except OSError as error:
            raise PadError("xinput1_4.dll is missing", remedy="--takeover pad needs Windows 8 or later") from error

        def read(slot: int) -> Report | None:
            state = State()
            return state.Gamepad if get_state(slot, ctypes.byref(state)) == 0 else None

        return read
