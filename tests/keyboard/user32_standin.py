"""A stand-in for the part of Windows' user32 that presses keys and reads them."""

from ctypes import Array, sizeof
from typing import Any

from ngrt.keyboard.names import KEYS
from ngrt.keyboard.sender_win32 import Input


class StandinUser32:
    """What user32 does, with its quirks: one call puts all events in or, when input is blocked, none and says nothing.

    ``down``: scan codes that are down, those after 0xE0 with 0xE000 added; ``sent``: every event's code and flags.
    """

    def __init__(self) -> None:
        self.down: set[int] = set()
        self.tapped: set[int] = set()
        self.sent: list[tuple[int, int]] = []
        self.calls = 0
        self.blocked = False

    def SendInput(self, cInputs: int, pInputs: Array[Any], cbSize: int) -> int:  # noqa: N802, N803
        self.calls += 1
        assert cbSize == sizeof(Input), "Windows takes nothing of another size"
        if self.blocked:
            return 0
        for event in pInputs[:cInputs]:
            assert event.type == 1
            assert event.u.ki.wVk == 0, "ignored with KEYEVENTF_SCANCODE"
            flags = event.u.ki.dwFlags
            assert flags & 0x8
            code = event.u.ki.wScan + (0xE000 if flags & 0x1 else 0)
            self.sent.append((code, flags))
            (self.down.discard if flags & 0x2 else self.down.add)(code)
        return cInputs

    def GetAsyncKeyState(self, vKey: int) -> int:  # noqa: N802, N803
        state = 0
        for key in KEYS.values():
            if key.virtual == vKey and key.scan + (0xE000 if key.extended else 0) in self.down:
                state = -0x8000  # a SHORT
        if vKey in self.tapped:
            self.tapped.discard(vKey)
            state |= 1
        return state
