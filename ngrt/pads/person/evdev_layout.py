"""What the buttons and axes of Linux's gamepads mean, by the numbers of the kernel's `input-event-codes.h`.

They follow the kernel's gamepad specification (Documentation/input/gamepad.rst). Drivers differ in which axes the right
stick and the triggers have, in whether triggers are buttons too, and in that Microsoft's pads give X the code of the
upper button and Y that of the left one.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from ngrt.messages import PadState

KEY, ABS = 1, 3
"""Types of events."""

SOUTH = 0x130
X, Y, Z, RX, RY, RZ, GAS, BRAKE, HAT_X, HAT_Y = 0, 1, 2, 3, 4, 5, 9, 10, 0x10, 0x11

BUTTONS = {
    SOUTH: "SOUTH", 0x131: "EAST", 0x133: "NORTH", 0x134: "WEST",
    0x136: "LEFT_SHOULDER", 0x137: "RIGHT_SHOULDER", 0x138: "LEFT_TRIGGER", 0x139: "RIGHT_TRIGGER",
    0x13A: "BACK", 0x13B: "START", 0x13C: "GUIDE", 0x13D: "LEFT_THUMB", 0x13E: "RIGHT_THUMB",
    0x220: "DPAD_UP", 0x221: "DPAD_DOWN", 0x222: "DPAD_LEFT", 0x223: "DPAD_RIGHT",
}  # fmt: skip
AXES = (X, Y, Z, RX, RY, RZ, GAS, BRAKE, HAT_X, HAT_Y)
SWAPPED = {"NORTH": "WEST", "WEST": "NORTH"}

PULLED = 0.25
"""Share of its way from which a trigger is pulled: a pad state knows released and pulled only."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One pad's: ``axes`` from number to least and greatest value; ``swapped``: X and Y have codes as Microsoft's."""

    axes: Mapping[int, tuple[int, int]]
    swapped: bool = False

    def state(self, pressed: Set[int], values: Mapping[int, int]) -> PadState:
        """Return what the pad does: the numbers of the buttons that are ``pressed``, and the ``values`` of axes.

        An axis without a value is at rest.
        """
        names = {BUTTONS[code] for code in pressed if code in BUTTONS}
        if self.swapped:
            names = {SWAPPED.get(name, name) for name in names}
        usual = RX in self.axes
        right, pulls = ((RX, RY), (Z, RZ)) if usual else ((Z, RZ), (BRAKE, GAS))
        for code, name in zip(pulls, ("LEFT_TRIGGER", "RIGHT_TRIGGER"), strict=True):
            if (self._share(code, values) + 1) / 2 > PULLED and code in values:
                names.add(name)
        for code, less, more in ((HAT_X, "DPAD_LEFT", "DPAD_RIGHT"), (HAT_Y, "DPAD_UP", "DPAD_DOWN")):
            if value := values.get(code, 0):
                names.add(less if value < 0 else more)
        return PadState(frozenset(names), self._stick((X, Y), values), self._stick(right, values))

    def _stick(self, codes: tuple[int, int], values: Mapping[int, int]) -> tuple[float, float]:
        x, y = (self._share(code, values) for code in codes)
        return x, y  # both count downward here

    def _share(self, code: int, values: Mapping[int, int]) -> float:
        """Return where an axis is, in [-1, 1]; 0 where it is at rest or not there."""
        least, most = self.axes.get(code, (0, 0))
        if code not in values or most <= least:
            return 0.0
        return max(-1.0, min(1.0, 2 * (values[code] - least) / (most - least) - 1))
