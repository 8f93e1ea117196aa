"""Gamepads that games cannot tell from real ones, through vgamepad: an Xbox 360 pad, a DualShock 4.

On Windows through the driver ViGEmBus, on Linux through uinput. Sticks of `PadState` count y downward. The Xbox pad's
report counts it upward on both (on Linux the library turns it round again, for the kernel counts downward); the
DualShock's report counts it downward on both.

A DualShock has its triggers twice, as axes and as buttons; both are set.

Run on Linux. Has not been run on Windows: its calls are checked against the library's own source.
"""

import errno
import importlib
import os
from contextlib import suppress
from typing import Any, Literal

from ngrt.backends.pad_lock import PadLock
from ngrt.errors import PadError
from ngrt.messages import NEUTRAL, STILL, PadState, Rumble

ON_WINDOWS = os.name == "nt"

NO_DRIVER = (
    "the ViGEmBus driver is not installed or does not answer ({}); install it (pip install --force-reinstall "
    "--no-cache-dir vgamepad runs its installer), or choose --pad keyboard"
)
NO_LIBEVDEV = "libevdev is not installed; install it with: sudo apt-get install libevdev2"
NO_MODULE = "there is no /dev/uinput; load it with: sudo modprobe uinput"
NO_PERMISSION = (
    """no permission to use /dev/uinput; allow it with: echo 'KERNEL=="uinput", TAG+="uaccess"' | sudo tee """
    "/etc/udev/rules.d/60-ngrt-uinput.rules && sudo udevadm control --reload && sudo udevadm trigger /dev/uinput"
)

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


class Plugged:
    """A pad of the library's, plugged in until `unplug`."""

    name: str

    def __init__(self, device: Any) -> None:
        self.device = device

    def put(self, state: PadState) -> None:
        """Send the report of ``state``."""
        raise NotImplementedError

    def unplug(self) -> None:
        """Let go of the library's object, which is how it is told to unplug the pad: nothing else may hold it."""
        self.device = None


class Xbox(Plugged):
    """The library's Xbox 360 pad."""

    name = "Xbox 360 pad"

    def __init__(self, library: Any) -> None:
        super().__init__(library.VX360Gamepad())
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

    def __init__(self, library: Any) -> None:
        super().__init__(library.VDS4Gamepad())
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


KINDS: dict[str, type[Xbox] | type[DualShock]] = {"xbox": Xbox, "ds4": DualShock}


class VgamepadPad:
    """A pad of ``kind``, plugged in until it is closed.

    `send` is one report; it returns when the driver has it, mostly at once, but 53 ms were seen on Windows. It is
    called in the tick's thread, so that telemetry tells how late a tick was.

    :raises PadError: the driver, a library or a permission is missing, or another ngrt has such a pad
    """

    def __init__(self, kind: Literal["xbox", "ds4"]) -> None:
        plug_in = KINDS[kind]
        self.name = f"{plug_in.name} (virtual)"
        self._lock = PadLock(kind)
        self._motors = Motors()
        self._plugged: Plugged | None
        try:
            self._plugged = _open(plug_in, self._motors)
        except BaseException:
            self._lock.release()
            raise

    @property
    def rumble(self) -> Rumble:
        """What the game makes the motors do now."""
        return self._motors.rumble

    def send(self, state: PadState) -> None:
        """Put the pad into ``state``."""
        plugged = self._plugged
        if plugged is None:
            raise PadError(f"{self.name} is closed; open it again")
        try:
            plugged.put(state)
        except Exception as error:  # noqa: BLE001  (RuntimeError on Windows, OSError on Linux; told)
            gone = error.with_traceback(None)  # whose frames would keep the pad plugged in
            raise PadError(f"{self.name} takes no input any more ({error}); start again") from gone

    def close(self) -> None:
        """Leave the pad neutral and unplug it."""
        plugged, self._plugged = self._plugged, None
        if plugged is not None:
            with suppress(Exception):  # it is about to be unplugged, which releases everything
                plugged.put(NEUTRAL)
            plugged.unplug()
        self._lock.release()


class Motors:
    """Hears, in a thread of the library's, what a game makes the motors do. Knows nothing of the pad, which knows it:
    a circle would keep the pad plugged in.
    """

    def __init__(self) -> None:
        self.rumble = STILL

    def hear(self, client: Any, target: Any, large_motor: int, small_motor: int, led: Any, user_data: Any) -> None:
        """Take note of the motors, each 0..255."""
        self.rumble = Rumble(large_motor / 255, small_motor / 255)


def _open(plug_in: type[Xbox] | type[DualShock], motors: Motors) -> Plugged:
    """Return a pad that is plugged in and tells ``motors``.

    :raises PadError: it cannot be had
    """
    try:
        # late: on Windows the import itself connects to the driver
        plugged = plug_in(importlib.import_module("vgamepad"))
        with suppress(RuntimeError):  # a driver that tells nothing of motors can still be played on
            plugged.device.register_notification(motors.hear)
    except ModuleNotFoundError as error:
        raise PadError(
            "vgamepad is not installed; install it with: pip install vgamepad (Windows and Linux only)"
        ) from error
    except Exception as error:  # noqa: BLE001  (each library underneath has its own; told)
        raise PadError(f"no {plug_in.name}: {_remedy(error)}") from error.with_traceback(None)
    return plugged


def _remedy(error: Exception) -> str:
    if ON_WINDOWS:
        return NO_DRIVER.format(error)
    if isinstance(error, PermissionError):
        return NO_PERMISSION
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return NO_MODULE
    if "libevdev" in str(error):
        return NO_LIBEVDEV
    return f"{error}; see `ngrt doctor`"


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
