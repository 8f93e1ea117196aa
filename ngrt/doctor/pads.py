"""What can drive a game: virtual pads, keys, and the pads in a person's hands.

What concerns Windows has not been run there.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ngrt.clock import MonotonicClock
from ngrt.doctor.checks import Finding
from ngrt.messages import NEUTRAL
from ngrt.pads.open import OpenedPad, open_pad
from ngrt.pads.vgamepad import ALLOW_UINPUT, INSTALL_LIBEVDEV, NO_LIBEVDEV, NO_PERMISSION
from ngrt.text import one_line

UINPUT = Path("/dev/uinput")
MODULES = Path("/lib/modules")
LIBEVDEV = "libevdev.so.2"
NO_PAD = Finding("missing", "none is plugged in; only --takeover pad needs one")

LOAD = "sudo modprobe uinput && echo uinput | sudo tee /etc/modules-load.d/uinput.conf"

SENT = 20
"""Times that the pad under test is sent neutral: nothing that a game could notice."""

SLOW = 0.004
"""Seconds; a pad that takes longer costs a quarter of a tick at 60 Hz."""


def virtual_pad() -> Finding:
    """Find whether a virtual pad can be made."""
    return _vigem() if sys.platform == "win32" else _uinput()


def pad_test() -> Finding:
    """Make an Xbox pad, leave it neutral, and find how long it takes to be told so."""
    return _tested(lambda: open_pad("xbox"))


def keyboard(display: str | None) -> Finding:
    """Find whether every key that the keyboard pad presses is there to be pressed. None is."""
    with open_pad("keyboard", None, display) as pad:
        return Finding("good", pad.name)


def real_pads() -> Finding:
    """Find pads in a person's hands, which may take over while they are used."""
    return _xinput() if sys.platform == "win32" else _evdev()


def _evdev() -> Finding:
    """Find them without opening one: a session that is playing holds the one it found."""
    from ngrt.pads.person.evdev import ALLOW_READING, gamepads

    found = [pad for pad in gamepads() if not pad.virtual]
    if not found:
        return NO_PAD
    names = ", ".join(pad.name or pad.number for pad in found)
    if all(os.access(pad.node, os.R_OK) for pad in found):
        return Finding("good", names)
    return Finding("limited", f"{names}; not readable", ALLOW_READING)


def _uinput() -> Finding:
    if find_spec("vgamepad") is None:
        return Finding("missing", "vgamepad is not installed", "pip install vgamepad")
    if not UINPUT.exists():
        release = platform.release()
        if _has_module(MODULES / release):
            return Finding("missing", f"{UINPUT} is not there: the kernel's module uinput is not loaded", LOAD)
        why = f"{UINPUT} is not there, and kernel {release} has no module uinput; no virtual pad is possible on it"
        return Finding("missing", why, "ngrt play ENGINE --window GAME --pad keyboard")
    if not os.access(UINPUT, os.R_OK | os.W_OK):
        return Finding("missing", NO_PERMISSION, ALLOW_UINPUT)
    try:
        ctypes.CDLL(LIBEVDEV)
    except OSError:
        return Finding("missing", NO_LIBEVDEV, INSTALL_LIBEVDEV)
    return Finding("good", f"{UINPUT}, vgamepad: Xbox 360 and DualShock 4")


def _has_module(folder: Path) -> bool:
    """Return whether the kernel with its modules in ``folder`` has uinput, loaded or not."""
    if any(folder.glob("kernel/drivers/input/misc/uinput.ko*")):
        return True
    try:
        return "/uinput.ko" in (folder / "modules.builtin").read_text("utf-8", "replace")
    except OSError:
        return False


def _vigem() -> Finding:
    """Find the driver ViGEmBus: vgamepad connects to it as it is imported, and raises what it likes without it."""
    spec = find_spec("vgamepad")
    if spec is None or spec.origin is None:
        return Finding("missing", "vgamepad is not installed", "pip install vgamepad")
    arch = "x64" if platform.architecture()[0] == "64bit" else "x86"
    installer = Path(spec.origin).parent / "win" / "vigem" / "install" / arch / f"ViGEmBusSetup_{arch}.msi"
    try:
        import vgamepad  # noqa: F401
    except Exception as error:  # noqa: BLE001
        return Finding(
            "missing", f"the driver ViGEmBus does not answer: {one_line(error)}", f'msiexec /i "{installer}"'
        )
    return Finding("good", "ViGEmBus, vgamepad: Xbox 360 and DualShock 4")


def _xinput() -> Finding:
    from ngrt.pads.person.open import open_person_pad

    with open_person_pad() as pad:
        return Finding("good", pad.name) if pad.name else NO_PAD


def _tested(open_one: Callable[[], OpenedPad]) -> Finding:
    clock, takes = MonotonicClock(), []
    start = clock.now()
    with open_one() as pad:
        opening = clock.now() - start
        for _ in range(SENT):
            start = clock.now()
            pad.send(NEUTRAL)
            takes.append(clock.now() - start)
    found = f"{pad.name}: ready in {opening:.2f} s, takes {sorted(takes)[SENT // 2] * 1e3:.2f} ms to be told, "
    found += f"{max(takes) * 1e3:.2f} ms at most"
    slow = sorted(takes)[SENT // 2] > SLOW
    return Finding("limited" if slow else "good", found, "close what keeps the processor busy" if slow else "")
