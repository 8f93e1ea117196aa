"""The windows of a Windows session (pywin32), in physical pixels.

Has not been run on Windows: its calls are checked against pywin32's published types, its rules by a stand-in.
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pywintypes
import win32con
import win32gui
import win32process

from ngrt.desktop.processes import other_names, process_name
from ngrt.errors import SourceError
from ngrt.interfaces import Window
from ngrt.resource import Resource
from ngrt.win32.dpi import library, see_physical_pixels, see_physical_pixels_here

DWMWA_CLOAKED = 14
Answer = TypeVar("Answer")
Instead = TypeVar("Instead")

HELPERS = frozenset(
    {
        *("ConsoleWindowClass", "PseudoConsoleWindow"),  # Windows names the program in it as the owner
        *("Progman", "WorkerW", "Shell_TrayWnd", "Shell_SecondaryTrayWnd"),
    }
)
"""Classes of consoles, the desktop and the taskbar."""

STORE_FRAME, STORE_CORE = "ApplicationFrameWindow", "Windows.UI.Core.CoreWindow"
"""A game from the Store draws in the core; its frame belongs to a process of Windows."""

CLICKED_THROUGH = win32con.WS_EX_LAYERED | win32con.WS_EX_TRANSPARENT


class Win32Desktop(Resource):
    """The windows of this session."""

    def __init__(self) -> None:
        see_physical_pixels()

    def windows(self) -> list[Window]:
        """Return every window at the top level, the one in front first.

        :raises SourceError: Windows does not list them
        """
        see_physical_pixels_here()
        numbers: list[int] = []

        def take(number: int, found: list[int]) -> bool:
            found.append(number)
            return True  # go on

        try:
            win32gui.EnumWindows(take, numbers)
        except pywintypes.error as error:
            raise SourceError(
                f"windows cannot be listed ({error.strerror})", remedy="run ngrt in the session you play in"
            ) from error
        return [window for number in numbers if (window := _describe(number)) is not None]

    def window(self, number: int) -> Window | None:
        """Return a window as it is now, None once it is closed."""
        see_physical_pixels_here()
        return _describe(number)

    def focused(self) -> int | None:
        """Return the number of the window that the keyboard goes to, None where none has it."""
        front = win32gui.GetForegroundWindow()
        return _asked(lambda: win32gui.GetAncestor(front, win32con.GA_ROOT), 0) or front or None

    def close(self) -> None:
        """Nothing is held."""


def _describe(number: int) -> Window | None:
    """Return what a window is now, None where it is closed, also while we ask."""
    return _asked(lambda: _described(number), None) if win32gui.IsWindow(number) else None


def _described(number: int) -> Window:
    minimised = bool(win32gui.IsIconic(number))
    left, top, width, height = _restored(number) if minimised else _client_area(number)
    pid = win32process.GetWindowThreadProcessId(_owner(number))[1] or None
    return Window(
        number=number,
        title=win32gui.GetWindowText(number),
        pid=pid,
        process="" if pid is None else process_name(pid),
        left=left,
        top=top,
        width=width,
        height=height,
        shown=bool(win32gui.IsWindowVisible(number)) and not minimised and not _is_cloaked(number),
        helper=_is_helper(number),
        also=() if pid is None else other_names(pid),
    )


def _client_area(number: int) -> tuple[int, int, int, int]:
    left, top = win32gui.ClientToScreen(number, (0, 0))
    _, _, width, height = win32gui.GetClientRect(number)  # its left and top are always 0
    return left, top, width, height


def _restored(number: int) -> tuple[int, int, int, int]:
    """Return about where a minimised window will be; its client area is nothing while it is minimised."""
    left, top, right, bottom = win32gui.GetWindowPlacement(number)[4]
    return left, top, right - left, bottom - top


def _owner(number: int) -> int:
    if win32gui.GetClassName(number) != STORE_FRAME:
        return number
    return _asked(lambda: win32gui.FindWindowEx(number, 0, STORE_CORE, None), 0) or number


def _is_cloaked(number: int) -> bool:
    """Return whether the window is kept from the screen: on another virtual desktop, or an app that is suspended."""
    cloaked = ctypes.c_int(0)
    with suppress(OSError, AttributeError):
        library("dwmapi").DwmGetWindowAttribute(
            ctypes.c_void_p(number), DWMWA_CLOAKED, ctypes.byref(cloaked), ctypes.sizeof(cloaked)
        )
    return bool(cloaked.value)


def _is_helper(number: int) -> bool:
    if win32gui.GetClassName(number) in HELPERS:
        return True
    style = win32gui.GetWindowLong(number, win32con.GWL_EXSTYLE)
    if style & CLICKED_THROUGH == CLICKED_THROUGH:
        return True
    if style & win32con.WS_EX_APPWINDOW:
        return False
    return bool(style & win32con.WS_EX_TOOLWINDOW) or _has_master(number)


def _has_master(number: int) -> bool:
    """Return whether another window that people see owns it; some main windows are owned by one without size."""
    master = _asked(lambda: win32gui.GetWindow(number, win32con.GW_OWNER), 0)
    if not master or not win32gui.IsWindowVisible(master):
        return False
    _, _, width, height = _asked(lambda: win32gui.GetClientRect(master), (0, 0, 0, 0))
    return width * height > 0


def _asked(ask: Callable[[], Answer], instead: Instead) -> Answer | Instead:
    """Return what Windows answers, or ``instead`` where it has none: pywin32 raises where the answer is no window."""
    try:
        return ask()
    except pywintypes.error:
        return instead
