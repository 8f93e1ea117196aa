"""Gamepads that games cannot tell from real ones, through vgamepad: an Xbox 360 pad, a DualShock 4.

On Windows through the driver ViGEmBus, on Linux through uinput. Run on Linux. Has not been run on Windows: its calls
are checked against the library's own source.
"""

import errno
import importlib
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from ngrt.errors import PadError
from ngrt.messages import NEUTRAL, STILL, PadState, Rumble
from ngrt.pads.lock import PadLock
from ngrt.pads.vgamepad_reports import KINDS, Plugged

ON_WINDOWS = os.name == "nt"

NO_DRIVER = "the ViGEmBus driver is not installed ({error}); install it with: {install}; or choose --pad keyboard"
DRIVER_REFUSES = "the ViGEmBus driver refuses ({error}); restart Windows, or choose --pad keyboard"
NO_LIBEVDEV = "libevdev is not installed; install it with: sudo apt-get install libevdev2"
NO_MODULE = "there is no /dev/uinput; load it with: sudo modprobe uinput; or choose --pad keyboard"
NO_PERMISSION = (
    """no permission to use /dev/uinput; allow it with: echo 'KERNEL=="uinput", TAG+="uaccess"' | sudo tee """
    "/etc/udev/rules.d/60-ngrt-uinput.rules && sudo udevadm control --reload && sudo udevadm trigger /dev/uinput"
)


class VgamepadPad:
    """A pad of ``kind``, plugged in until it is closed.

    `send` is one report; it returns when the driver has it, mostly at once, but 53 ms were seen on Windows. It is
    called in the tick's thread, so that telemetry tells how late a tick was.

    :raises PadError: the driver, a library or a permission is missing, or another ngrt has such a pad
    """

    def __init__(self, kind: Literal["xbox", "ds4"]) -> None:
        self.name = f"{KINDS[kind].name} (virtual)"
        self._lock = PadLock(kind)
        self._motors = Motors()
        self._plugged: Plugged | None
        try:
            self._plugged = _open(KINDS[kind], self._motors)
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
            raise PadError(f"{self.name} is closed", remedy="open it again")
        try:
            plugged.put(state)
        except Exception as error:  # noqa: BLE001  (RuntimeError on Windows, OSError on Linux; told)
            gone = error.with_traceback(None)  # whose frames would keep the pad plugged in
            raise PadError(f"{self.name} takes no input any more ({error})", remedy="start again") from gone

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


def _open(kind: type[Plugged], motors: Motors) -> Plugged:
    """Return a pad that is plugged in and tells ``motors``.

    :raises PadError: it cannot be had
    """
    try:
        # late: on Windows the import itself connects to the driver
        plugged = kind(importlib.import_module("vgamepad"))
        with suppress(RuntimeError):  # a driver that tells nothing of motors can still be played on
            plugged.device.register_notification(motors.hear)
    except ModuleNotFoundError as error:
        raise PadError(
            "vgamepad is not installed", remedy="install it with: pip install vgamepad (Windows and Linux only)"
        ) from error
    except Exception as error:  # noqa: BLE001  (each library underneath has its own; told)
        raise PadError(f"no {kind.name}: {_remedy(error)}") from error.with_traceback(None)
    return plugged


def _remedy(error: Exception) -> str:
    if ON_WINDOWS:
        missing = "BUS_NOT_FOUND" in str(error) or isinstance(error, OSError)
        return (NO_DRIVER if missing else DRIVER_REFUSES).format(error=error, install=_installation())
    if isinstance(error, PermissionError):
        return NO_PERMISSION
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return NO_MODULE
    if "libevdev" in str(error):
        return NO_LIBEVDEV
    return f"{error}; see `ngrt doctor`"


def _installation() -> str:
    """Return the command that installs the driver, with the installer that vgamepad brings to Windows."""
    spec = importlib.util.find_spec("vgamepad")
    if spec is not None and spec.origin is not None:
        name = "x64" if sys.maxsize > 2**32 else "x86"
        installer = Path(spec.origin).parent / "win" / "vigem" / "install" / name / f"ViGEmBusSetup_{name}.msi"
        if installer.exists():
            return f'msiexec /i "{installer}"'
    return "pip install --force-reinstall --no-cache-dir vgamepad"
