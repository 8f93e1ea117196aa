"""Coordinates on Windows in pixels as they are: display scaling would otherwise shift and shrink every window.

Has not been run on Windows.
"""

import ctypes
import sys
from contextlib import suppress

PER_MONITOR_V2 = -4
"""DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, a handle that is a small negative number."""

PER_MONITOR = 2
"""PROCESS_PER_MONITOR_DPI_AWARE, of Windows 8.1."""


def library(name: str) -> ctypes.CDLL:
    """Return a system library.

    :raises OSError: there is none of that name, or this is not Windows
    """
    if sys.platform == "win32":
        return ctypes.WinDLL(name)
    else:
        raise OSError(f"{name} is a library of Windows")


def see_physical_pixels() -> None:
    """Tell Windows, once and before anything is measured, that this process scales nothing.

    Whoever set it first has set it for good: then, and on every later call, nothing happens.
    """
    with suppress(OSError, AttributeError):
        if library("user32").SetProcessDpiAwarenessContext(ctypes.c_void_p(PER_MONITOR_V2)):
            return
    with suppress(OSError, AttributeError):  # before Windows 10 1703
        if library("shcore").SetProcessDpiAwareness(PER_MONITOR) == 0:
            return
    with suppress(OSError, AttributeError):
        library("user32").SetProcessDPIAware()


def see_physical_pixels_here() -> None:
    """The same for this thread alone, which works even where the process was set otherwise."""
    with suppress(OSError, AttributeError):  # before Windows 10 1607
        library("user32").SetThreadDpiAwarenessContext(ctypes.c_void_p(PER_MONITOR_V2))
