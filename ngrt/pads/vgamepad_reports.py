"""Pad states as the reports of vgamepad's two pads, an Xbox 360 pad and a DualShock 4.

Sticks of `PadState` count y downward. The Xbox pad's report counts it upward (on Linux the library turns it round
again, for the kernel counts downward); the DualShock's counts it downward on both platforms. A DualShock has its
triggers twice, as axes and as buttons; both are set.
"""

from abc import ABC, abstractmethod
from typing import Any

from ngrt.messages import PadState

XBOX_BUTTONS = {
    "SOUTH": "A", "EAST": "B", "WEST": "X", "NORTH": "Y",
    "BACK": "BACK", "GUIDE": "GUIDE", "START": "START",
    "LEFT_SHOULDER": "LEFT_SHOULDER", "RIGHT_SHOULDER": "RIGHT_SHOULDER",
    "LEFT_THUMB": "LEFT_THUMB", "RIGHT_THUMB": "RIGHT_THUMB",
    "DPAD_UP": "DPAD_UP", "DPAD_DOWN": "DPAD_DOWN", "DPAD_LEFT": "DPAD_LEFT", "DPAD_RIGHT": "DPAD_RIGHT",
}  # fmt: skip
"""Our names, and those after XUSB_GAMEPAD_ in the library."""

DUALSHOCK_BUTTONS = {
    "SOUTH": "CROSS", "EAST": "CIRCLE", "WEST": "SQUARE", "NORTH": "TRIANGLE",
    "BACK": "SHARE", "START": "OPTIONS",
    "LEFT_SHOULDER": "SHOULDER_LEFT", "RIGHT_SHOULDER": "SHOULDER_RIGHT",
    "LEFT_TRIGGER": "TRIGGER_LEFT", "RIGHT_TRIGGER": "TRIGGER_RIGHT",
    "LEFT_THUMB": "THUMB_LEFT", "RIGHT_THUMB": "THUMB_RIGHT",
}  # fmt: skip
"""Our names, and those after DS4_BUTTON_ in the library."""

DIRECTIONS = {
    (0, 0): "NONE", (0, -1): "NORTH", (1, -1): "NORTHEAST", (1, 0): "EAST", (1, 1): "SOUTHEAST",
    (0, 1): "SOUTH", (-1, 1): "SOUTHWEST", (-1, 0): "WEST", (-1, -1): "NORTHWEST",
}  # fmt: skip
"""The DualShock's directional pad by (x, y), y growing downward; names after DS4_BUTTON_DPAD_ in the library."""


class Plugged(ABC):
    """A pad of the library's, ``model`` there, plugged in until `unplug`."""

    name: str
    model: str

    def __init__(self, library: Any) -> None:
        self.device = getattr(library, self.model)()

    @abstractmethod
    def put(self, state: PadState) -> None:
        """Send the report of ``state``."""

    def unplug(self) -> None:
        """Let go of the library's object, which is how it is told to unplug the pad: nothing else may hold it."""
        self.device = None


class Xbox(Plugged):
    """The library's Xbox 360 pad."""

    name = "Xbox 360 pad"
    model = "VX360Gamepad"

    def __init__(self, library: Any) -> None:
        super().__init__(library)
        names = library.XUSB_BUTTON
        self._bits = {ours: int(names[f"XUSB_GAMEPAD_{theirs}"]) for ours, theirs in XBOX_BUTTONS.items()}

    def put(self, state: PadState) -> None:
        """Send the report of ``state``."""
        device, buttons = self.device, state.buttons
        device.report.wButtons = _bits(self._bits, state)
        device.left_trigger(255 * ("LEFT_TRIGGER" in buttons))
        device.right_trigger(255 * ("RIGHT_TRIGGER" in buttons))
        device.left_joystick(_short(state.left[0]), _short(-state.left[1]))
        device.right_joystick(_short(state.right[0]), _short(-state.right[1]))
        device.update()


class DualShock(Plugged):
    """The library's DualShock 4."""

    name = "DualShock 4"
    model = "VDS4Gamepad"

    def __init__(self, library: Any) -> None:
        super().__init__(library)
        buttons, directions = library.DS4_BUTTONS, library.DS4_DPAD_DIRECTIONS
        self._bits = {ours: int(buttons[f"DS4_BUTTON_{theirs}"]) for ours, theirs in DUALSHOCK_BUTTONS.items()}
        self._directions = {to: int(directions[f"DS4_BUTTON_DPAD_{name}"]) for to, name in DIRECTIONS.items()}
        self._guide = int(library.DS4_SPECIAL_BUTTONS.DS4_SPECIAL_BUTTON_PS)

    def put(self, state: PadState) -> None:
        """Send the report of ``state``."""
        device, buttons = self.device, state.buttons
        x = ("DPAD_RIGHT" in buttons) - ("DPAD_LEFT" in buttons)
        y = ("DPAD_DOWN" in buttons) - ("DPAD_UP" in buttons)
        device.report.wButtons = _bits(self._bits, state) | self._directions[x, y]
        device.report.bSpecial = self._guide * ("GUIDE" in buttons)
        device.left_trigger(255 * ("LEFT_TRIGGER" in buttons))
        device.right_trigger(255 * ("RIGHT_TRIGGER" in buttons))
        device.left_joystick(*map(_byte, state.left))
        device.right_joystick(*map(_byte, state.right))
        device.update()


KINDS: dict[str, type[Plugged]] = {"xbox": Xbox, "ds4": DualShock}


def _bits(bits: dict[str, int], state: PadState) -> int:
    pressed = 0
    for name in state.buttons:
        pressed |= bits.get(name, 0)
    return pressed


def _short(value: float) -> int:
    """Return an axis in [-1, 1] as the Xbox pad has it: as far to either side."""
    return round(max(-1.0, min(value, 1.0)) * 32767)


def _byte(value: float) -> int:
    """Return an axis in [-1, 1] as the DualShock has it: 0 to 255, at rest at 128."""
    return min(128 + round(max(-1.0, min(value, 1.0)) * 128), 255)
