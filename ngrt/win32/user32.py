"""What is used of Windows' user32: the calls by their own names, so that a stand-in can take their place.

Has not been run on Windows.
"""

import sys
from ctypes import Array
from typing import Any, Protocol, cast

from ngrt.errors import NgrtError


class User32(Protocol):
    """The library's functions; the argument names are those of Microsoft's documentation."""

    def SendInput(self, cInputs: int, pInputs: Array[Any], cbSize: int) -> int:  # noqa: N802, N803
        """Put key events into the input queue; return how many were."""

    def GetAsyncKeyState(self, vKey: int) -> int:  # noqa: N802, N803
        """Return a SHORT: the high bit while the key is down, the low bit if it was pressed since the last call."""


def load_user32(failure: type[NgrtError]) -> User32:
    """Return Windows' own.

    :raises ngrt.errors.NgrtError: of the kind ``failure``; this is not Windows
    """
    if sys.platform == "win32":
        from ctypes import WinDLL, c_int, c_short, c_uint, c_void_p

        library = WinDLL("user32", use_last_error=True)
        library.SendInput.argtypes = (c_uint, c_void_p, c_int)
        library.SendInput.restype = c_uint
        library.GetAsyncKeyState.argtypes = (c_int,)
        library.GetAsyncKeyState.restype = c_short
        return cast(User32, library)
    raise failure("there is no Windows keyboard here", remedy="give an X11 display, such as --display :0")
