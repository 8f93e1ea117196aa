"""What can drive a game: virtual pads, keys, and the pads in a person's hands.

What concerns Windows has not been run there.
"""

import ctypes
import glob
import os
import platform
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ngrt.clock import MonotonicClock
from ngrt.errors import NgrtError
from ngrt.health import Finding
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL

UINPUT = Path("/dev/uinput")
MODULES = Path("/lib/modules")
LIBEVDEV = "libevdev.so.2"
EVENTS = "/dev/input/by-*/*-event-joystick"

RULE = 'KERNEL=="uinput", MODE="0660", GROUP="input", OPTIONS+="static_node=uinput"'
ALLOW = (
    f"echo '{RULE}' | sudo tee /etc/udev/rules.d/70-uinput.rules && sudo udevadm control --reload && "
    "sudo udevadm trigger --name-match=uinput && sudo usermod -aG input $USER  # then log in again"
)
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
    return _tested(lambda: _opened_pad("xbox", None))


def keyboard(display: str | None) -> Finding:
    """Find whether keys can be pressed."""
    return Finding("good", "SendInput") if sys.platform == "win32" else _xtest(display)


def _xtest(display: str | None) -> Finding:
    from Xlib.display import Display

    server = Display(display)
    try:
        able = server.query_extension("XTEST") is not None
    finally:
        server.close()
    if able:
        return Finding("good", "XTEST: keys are pressed on the display")
    return Finding("missing", "the X server has no XTEST", "start it without: -extension XTEST")


def real_pads() -> Finding:
    """Find pads in a person's hands, which may take over while they are used."""
    return _xinput() if sys.platform == "win32" else _joysticks()


def _joysticks() -> Finding:
    found = sorted(glob.glob(EVENTS))
    if not found:
        return Finding("missing", "none is plugged in; only --takeover pad needs one")
    shut = [name for name in found if not os.access(name, os.R_OK)]
    names = ", ".join(Path(name).name.removesuffix("-event-joystick") for name in found)
    if shut:
        return Finding("limited", f"{names}; not readable", "sudo usermod -aG input $USER  # then log in again")
    return Finding("good", names)


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
        return Finding("missing", f"no permission to use {UINPUT}", ALLOW)
    try:
        ctypes.CDLL(LIBEVDEV)
    except OSError:
        return Finding("missing", f"{LIBEVDEV} is not installed", "sudo apt-get install libevdev2")
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
        said = " ".join(str(error).split()) or type(error).__name__
        return Finding("missing", f"the driver ViGEmBus does not answer: {said}", f'msiexec /i "{installer}"')
    return Finding("good", "ViGEmBus, vgamepad: Xbox 360 and DualShock 4")


def _xinput() -> Finding:
    for name in ("xinput1_4.dll", "xinput9_1_0.dll"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        state = (ctypes.c_ubyte * 16)()
        count = sum(library.XInputGetState(number, ctypes.byref(state)) == 0 for number in range(4))
        if count:
            return Finding("good", f"{count} through XInput")
        return Finding("missing", "none is plugged in; only --takeover pad needs one")
    return Finding("missing", "XInput is not installed")


def _tested(opened: Callable[[], Pad]) -> Finding:
    clock, takes = MonotonicClock(), []
    try:
        start = clock.now()
        pad = opened()
        opening = clock.now() - start
        try:
            for _ in range(SENT):
                start = clock.now()
                pad.send(NEUTRAL)
                takes.append(clock.now() - start)
        finally:
            pad.close()
    except NgrtError as error:
        return Finding("missing", str(error))
    found = f"{pad.name}: ready in {opening:.2f} s, takes {sorted(takes)[SENT // 2] * 1e3:.2f} ms to be told, "
    found += f"{max(takes) * 1e3:.2f} ms at most"
    slow = sorted(takes)[SENT // 2] > SLOW
    return Finding("limited" if slow else "good", found, "close what keeps the processor busy" if slow else "")


def _opened_pad(kind: str, display: str | None) -> Pad:
    import importlib

    pad: Pad = importlib.import_module("ngrt.backends.pads").open_pad(kind, None, display)
    return pad
