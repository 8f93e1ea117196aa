"""What passes for vgamepad on either platform, without driver or uinput.

What is common to both, `vgamepad.api`, is the installed library's own; what talks to the system stands here, with its
quirks: importing it on Windows may raise, `update` may stall, `reset` clears the report only, a callback can be
registered once, and a pad is unplugged when nobody has it any more.
"""

import importlib
import importlib.util
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ngrt.messages import PadState
from ngrt.pads import vgamepad
from ngrt.pads.vgamepad_reports import DIRECTIONS, DUALSHOCK_BUTTONS, XBOX_BUTTONS


def source(name: str) -> Path:
    """Return a file of the installed library, which is not imported for it."""
    spec = importlib.util.find_spec("vgamepad")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / name


@cache
def api() -> Any:
    """Return the installed ``vgamepad.api`` by itself: importing the package needs libevdev, or the driver."""
    spec = importlib.util.spec_from_file_location("vgamepad_api", source("api.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class System:
    """What is beneath the library: pads that are plugged in, what games see of them, what is said to fail."""

    def __init__(self, *, windows: bool) -> None:
        self.windows = windows
        self.seen: list[PadState] = []
        """What a game on this platform has seen, oldest first."""

        self.plugged = 0
        self.callback: Any = None
        self.import_fails: Exception | None = None
        self.plugging_fails: Exception | None = None
        self.callback_fails: Exception | None = None
        self.update_fails: Exception | None = None
        self.stall = 0.0

    def install(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Pass for vgamepad on this platform; locks go to ``folder``."""

        def load(name: str) -> Any:
            assert name == "vgamepad"
            if self.import_fails is not None:
                raise self.import_fails
            return library(self)

        monkeypatch.setattr(importlib, "import_module", load)
        monkeypatch.setattr(vgamepad, "ON_WINDOWS", self.windows)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


class Device:
    """The half of a pad that talks to the system; `library` puts the library's own half above it."""

    system: System
    registered = False

    def __init__(self) -> None:
        if self.system.plugging_fails is not None:
            raise self.system.plugging_fails
        self.system.plugged += 1
        super().__init__()  # a first report, at rest

    def __del__(self) -> None:
        self.system.plugged -= self.system.plugging_fails is None

    def get_vid(self) -> int:
        return 0

    get_pid = get_index = get_type = get_vid

    def register_notification(self, callback_function: Any) -> None:
        if self.registered:
            raise RuntimeError("Cannot register a callback more than once per gamepad.")
        if not api().check_callback_signature(callback_function):
            raise TypeError("Needed callback function signature")
        if self.system.callback_fails is not None:
            raise self.system.callback_fails
        self.registered, self.system.callback = True, callback_function

    def unregister_notification(self) -> None:
        self.system.callback = None

    def update_from_report(self, report: Any) -> None:
        time.sleep(self.system.stall)
        if self.system.update_fails is not None:
            raise type(self.system.update_fails)(*self.system.update_fails.args)  # a new one, without its history
        self.system.seen.append(seen(report, windows=self.system.windows))

    def update_from_extended_report(self, extended_report: Any) -> None:
        raise AssertionError("motion and touch are not used")


def library(system: System) -> Any:
    """Return what ``import vgamepad`` would."""
    names = ("XUSB_BUTTON", "DS4_BUTTONS", "DS4_SPECIAL_BUTTONS", "DS4_DPAD_DIRECTIONS")
    pads = {
        name: type(name, (Device, getattr(api(), name)), {"system": system}) for name in ("VX360Gamepad", "VDS4Gamepad")
    }
    return SimpleNamespace(**pads, **{name: getattr(api(), name) for name in names})


def seen(report: Any, *, windows: bool) -> PadState:
    """Return what a game has of ``report``: on Windows as the driver passes it on, on Linux as the library does."""
    return _xbox_seen(report, windows=windows) if hasattr(report, "sThumbLX") else _dualshock_seen(report)


def _xbox_seen(report: Any, *, windows: bool) -> PadState:
    names = api().XUSB_BUTTON
    down = {ours for ours, theirs in XBOX_BUTTONS.items() if report.wButtons & names[f"XUSB_GAMEPAD_{theirs}"]}
    # XInput counts y upward; the library turns it round for the kernel, which counts it downward
    left, right = (-y if windows else ~y for y in (report.sThumbLY, report.sThumbRY))
    return PadState(
        frozenset(down | _pulled(report.bLeftTrigger, report.bRightTrigger)),
        (_share(report.sThumbLX), _share(left)),
        (_share(report.sThumbRX), _share(right)),
    )


def _dualshock_seen(report: Any) -> PadState:
    names, directions = api().DS4_BUTTONS, api().DS4_DPAD_DIRECTIONS
    down = {ours for ours, theirs in DUALSHOCK_BUTTONS.items() if report.wButtons & names[f"DS4_BUTTON_{theirs}"]}
    pulled = _pulled(report.bTriggerL, report.bTriggerR)
    assert pulled == {name for name in down if name.endswith("_TRIGGER")}, "a trigger's axis and button differ"
    [(x, y)] = [to for to, name in DIRECTIONS.items() if report.wButtons & 15 == directions[f"DS4_BUTTON_DPAD_{name}"]]
    across, along = {-1: {"DPAD_LEFT"}, 1: {"DPAD_RIGHT"}}, {-1: {"DPAD_UP"}, 1: {"DPAD_DOWN"}}
    down |= across.get(x, set()) | along.get(y, set())
    if report.bSpecial & api().DS4_SPECIAL_BUTTONS.DS4_SPECIAL_BUTTON_PS:
        down.add("GUIDE")
    sticks = [(value - 128) / 128 for value in (report.bThumbLX, report.bThumbLY, report.bThumbRX, report.bThumbRY)]
    return PadState(frozenset(down), (sticks[0], sticks[1]), (sticks[2], sticks[3]))


def _pulled(left: int, right: int) -> set[str]:
    assert {left, right} <= {0, 255}
    return {name for name, value in (("LEFT_TRIGGER", left), ("RIGHT_TRIGGER", right)) if value}


def _share(value: int) -> float:
    return round(value / 32767, 4)
