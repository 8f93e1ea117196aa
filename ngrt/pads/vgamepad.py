"""Gamepads that games cannot tell from real ones, through vgamepad: an Xbox 360 pad, a DualShock 4.

On Windows through the driver ViGEmBus, on Linux through uinput. Run on Linux. Has not been run on Windows: its calls
are checked against the library's own source.
"""

import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ngrt.errors import PadError
from ngrt.messages import NEUTRAL, STILL, PadState, Rumble
from ngrt.pads.lock import PadLock
from ngrt.pads.vgamepad_reports import KINDS, Plugged
from ngrt.resource import Resource

ON_WINDOWS = os.name == "nt"

INSTEAD = "or choose --pad keyboard"

NO_PERMISSION, NO_LIBEVDEV = "no permission to use /dev/uinput", "libevdev is not installed"

ALLOW_UINPUT = (
    """echo 'KERNEL=="uinput", TAG+="uaccess"' | sudo tee /etc/udev/rules.d/60-ngrt-uinput.rules && """
    "sudo udevadm control --reload && sudo udevadm trigger /dev/uinput"
)
INSTALL_LIBEVDEV = "sudo apt-get install libevdev2"
"""The commands that mend these."""


class VgamepadPad(Resource):
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
            self._lock.close()
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
        with VgamepadErrors(self._lost):
            plugged.put(state)

    def _lost(self, error: Exception) -> PadError:
        return PadError(f"{self.name} takes no input any more ({error})", remedy="start again")

    def close(self) -> None:
        """Leave the pad neutral and unplug it."""
        plugged, self._plugged = self._plugged, None
        if plugged is not None:
            with suppress(Exception):  # it is about to be unplugged, which releases everything
                plugged.put(NEUTRAL)
            plugged.unplug()
        self._lock.close()


class Motors:
    """Hears, in a thread of the library's, what a game makes the motors do. Knows nothing of the pad, which knows it:
    a circle would keep the pad plugged in.
    """

    def __init__(self) -> None:
        self.rumble = STILL

    def hear(self, client: Any, target: Any, large_motor: int, small_motor: int, led: Any, user_data: Any) -> None:
        """Take note of the motors, each 0..255."""
        self.rumble = Rumble(large_motor / 255, small_motor / 255)


class VgamepadErrors:
    """Raises what ``failure`` makes of whatever the library raises: each of those underneath has errors of its own.

    Drops the frames of that error, which would keep the pad plugged in; a generator would hold them all the same.
    """

    def __init__(self, failure: Callable[[Exception], PadError]) -> None:
        self._failure = failure

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        del trace
        if isinstance(error, Exception):
            raise self._failure(error) from error.with_traceback(None)


def _open(kind: type[Plugged], motors: Motors) -> Plugged:
    """Return a pad that is plugged in and tells ``motors``.

    :raises PadError: it cannot be had
    """
    with VgamepadErrors(lambda error: _refusal(kind, error)):
        # late: on Windows the import itself connects to the driver
        plugged = kind(importlib.import_module("vgamepad"))
        with suppress(RuntimeError):  # a driver that tells nothing of motors can still be played on
            plugged.device.register_notification(motors.hear)
    return plugged


def _refusal(kind: type[Plugged], error: Exception) -> PadError:
    if isinstance(error, ModuleNotFoundError):
        return PadError(
            "vgamepad is not installed", remedy="install it with: pip install vgamepad (Windows and Linux only)"
        )
    problem, remedy = _lacking_on_windows(error) if ON_WINDOWS else _lacking_on_linux(error)
    return PadError(f"no {kind.name}: {problem}", remedy=remedy)


def _lacking_on_windows(error: Exception) -> tuple[str, str]:
    """Return what is wrong, and what to do about it."""
    if "BUS_NOT_FOUND" in str(error) or isinstance(error, OSError):
        return f"the ViGEmBus driver is not installed ({error})", f"install it with: {_installation()}; {INSTEAD}"
    return f"the ViGEmBus driver refuses ({error})", f"restart Windows, {INSTEAD}"


def _lacking_on_linux(error: Exception) -> tuple[str, str]:
    """Return what is wrong, and what to do about it."""
    if isinstance(error, PermissionError):
        return NO_PERMISSION, f"allow it with: {ALLOW_UINPUT}"
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return "there is no /dev/uinput", f"load it with: sudo modprobe uinput; {INSTEAD}"
    if "libevdev" in str(error):
        return NO_LIBEVDEV, f"install it with: {INSTALL_LIBEVDEV}"
    return str(error), "see `ngrt doctor`"


def _installation() -> str:
    """Return the command that installs the driver, with the installer that vgamepad brings to Windows."""
    spec = importlib.util.find_spec("vgamepad")
    if spec is not None and spec.origin is not None:
        name = "x64" if sys.maxsize > 2**32 else "x86"
        installer = Path(spec.origin).parent / "win" / "vigem" / "install" / name / f"ViGEmBusSetup_{name}.msi"
        if installer.exists():
            return f'msiexec /i "{installer}"'
    return "pip install --force-reinstall --no-cache-dir vgamepad"
