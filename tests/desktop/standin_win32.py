"""A stand-in for what ngrt uses of pywin32 and of Windows itself, with their quirks.

- Coordinates are those of a screen at 125 % until the thread or the process says that it scales nothing.
- A minimised window is far off the desktop and has no client area.
- pywin32 raises where the answer is that there is no such window.
- The callback of `EnumWindows` must return true to go on.
"""

import ast
import ctypes
import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ngrt.interfaces import Desktop
from ngrt.win32 import dpi

SCALING = 1.25
OFF_DESKTOP = (-32000, -32000)


def stub(name: str) -> ast.Module:
    """Return pywin32's published types, a file of ``types-pywin32``."""
    path = Path(str(distribution("types-pywin32").locate_file(f"win32-stubs/{name}.pyi")))
    return ast.parse(path.read_text("utf-8"))


def constants() -> dict[str, object]:
    """Return the numbers of ``win32con``; a few that are made of others are left out."""
    found: dict[str, object] = {}
    for node in stub("lib/win32con").body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            with suppress(ValueError):
                found[node.target.id] = ast.literal_eval(node.value)
    return found


class Error(Exception):
    """``pywintypes.error``."""

    def __init__(self, winerror: int, funcname: str, strerror: str) -> None:
        super().__init__(winerror, funcname, strerror)
        self.winerror, self.funcname, self.strerror = winerror, funcname, strerror


@dataclass
class Kept:
    """A window as Windows keeps it."""

    title: str
    place: tuple[int, int, int, int]
    pid: int
    kind: str = "Game"
    style: int = 0
    visible: bool = True
    minimised: bool = False
    cloaked: int = 0
    owner: int = 0
    core: int = 0
    parent: int = 0


class Session:
    """The windows, the one in front first, and the functions through which programs see them."""

    def __init__(self) -> None:
        self.kept: dict[int, Kept] = {}
        self.front = 0
        self.aware = False
        self.locked = False

    def modules(self) -> dict[str, ModuleType]:
        """Return the modules that stand in for pywin32's, with the constants of its published types."""
        contents: dict[str, dict[str, object]] = {
            "win32con": constants(),
            "pywintypes": {"error": Error},
            "win32gui": {name: getattr(self, name) for name in dir(self) if name[0].isupper()},
            "win32process": {"GetWindowThreadProcessId": self.GetWindowThreadProcessId},
        }
        made = {name: ModuleType(name) for name in contents}
        for name, content in contents.items():
            vars(made[name]).update(content)
        return made

    def library(self, name: str) -> object:
        """Return a system library."""
        return {"user32": User32(self), "shcore": Shcore(), "dwmapi": Dwmapi(self)}[name]

    def EnumWindows(self, callback: Callable[[int, object], object], extra: object) -> None:  # noqa: N802
        if self.locked:
            raise Error(5, "EnumWindows", "Access is denied.")
        for number, kept in self.kept.items():
            if not kept.parent and not callback(number, extra):
                return

    def IsWindow(self, hwnd: int) -> int:  # noqa: N802
        return int(hwnd in self.kept)

    def IsWindowVisible(self, hwnd: int) -> int:  # noqa: N802
        return int(hwnd in self.kept and self.kept[hwnd].visible)

    def IsIconic(self, hwnd: int) -> int:  # noqa: N802
        return int(hwnd in self.kept and self.kept[hwnd].minimised)

    def GetWindowText(self, hwnd: int) -> str:  # noqa: N802
        return self._kept(hwnd).title

    def GetClassName(self, hwnd: int) -> str:  # noqa: N802
        return self._kept(hwnd).kind

    def GetClientRect(self, hwnd: int) -> tuple[int, int, int, int]:  # noqa: N802
        kept = self._kept(hwnd)
        return (0, 0, 0, 0) if kept.minimised else (0, 0, *self._scaled(kept.place[2:]))

    def ClientToScreen(self, hwnd: int, point: tuple[int, int]) -> tuple[int, int]:  # noqa: N802
        kept = self._kept(hwnd)
        left, top = OFF_DESKTOP if kept.minimised else self._scaled(kept.place[:2])
        return left + point[0], top + point[1]

    def GetWindowPlacement(  # noqa: N802
        self, hwnd: int
    ) -> tuple[int, int, tuple[int, int], tuple[int, int], tuple[int, int, int, int]]:
        left, top, width, height = self._kept(hwnd).place
        return 0, 2, OFF_DESKTOP, (-1, -1), (*self._scaled((left, top)), *self._scaled((left + width, top + height)))

    def GetWindowLong(self, hwnd: int, index: int) -> int:  # noqa: N802
        assert index == -20, "the extended style"
        return self._kept(hwnd).style

    def GetWindow(self, hwnd: int, command: int) -> int:  # noqa: N802
        assert command == 4, "the owner"
        return self._answer("GetWindow", self._kept(hwnd).owner)

    def GetForegroundWindow(self) -> int:  # noqa: N802
        return self.front

    def GetAncestor(self, hwnd: int, flags: int) -> int:  # noqa: N802
        assert flags == 2, "the root"
        return self._answer("GetAncestor", self._kept(hwnd).parent or hwnd)

    def FindWindowEx(self, parent: int, after: int, kind: str, title: None) -> int:  # noqa: N802
        found = self._kept(parent).core
        return self._answer("FindWindowEx", found if found and self._kept(found).kind == kind else 0)

    def GetWindowThreadProcessId(self, hwnd: int) -> tuple[int, int]:  # noqa: N802
        return 1, self._kept(hwnd).pid

    def _kept(self, hwnd: int) -> Kept:
        if hwnd not in self.kept:
            raise Error(1400, "GetWindowText", "Invalid window handle.")
        return self.kept[hwnd]

    def _answer(self, name: str, number: int) -> int:
        if not number:
            raise Error(0, name, "No error message is available")
        return number

    def _scaled(self, pair: tuple[int, ...]) -> tuple[int, int]:
        x, y = (value if self.aware else round(value / SCALING) for value in pair)
        return x, y


class User32:
    """``user32.dll`` of a Windows that knows per-monitor awareness."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def SetProcessDpiAwarenessContext(self, context: ctypes.c_void_p) -> int:  # noqa: N802
        """Fail, as where a program or its manifest set the process's awareness before."""
        return 0

    def SetProcessDPIAware(self) -> int:  # noqa: N802
        return 0

    def SetThreadDpiAwarenessContext(self, context: ctypes.c_void_p) -> int:  # noqa: N802
        self._session.aware = context.value == ctypes.c_void_p(-4).value
        return 1


class Shcore:
    """``shcore.dll``."""

    def SetProcessDpiAwareness(self, awareness: int) -> int:  # noqa: N802
        assert awareness == 2
        return -2147024891  # E_ACCESSDENIED


class Dwmapi:
    """``dwmapi.dll``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def DwmGetWindowAttribute(self, hwnd: ctypes.c_void_p, attribute: int, value: Any, size: int) -> int:  # noqa: N802
        assert (attribute, size) == (14, 4)
        assert hwnd.value is not None
        value._obj.value = self._session.kept[hwnd.value].cloaked
        return 0


def standing_in(monkeypatch: pytest.MonkeyPatch) -> tuple[Session, Desktop]:
    """Return a stand-in without windows, and ngrt's desktop on it."""
    session = Session()
    for name, module in session.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(dpi, "library", session.library)
    monkeypatch.delitem(sys.modules, "ngrt.desktop.win32", raising=False)
    module = importlib.import_module("ngrt.desktop.win32")
    monkeypatch.delitem(sys.modules, "ngrt.desktop.win32")  # nobody else gets one that stands on this
    desktop: Desktop = module.Win32Desktop()
    return session, desktop
