"""Holds off the screen saver and the sleep of Windows, which does not count a virtual pad as use.

Has not been run on Windows.
"""

from ngrt.resource import Resource
from ngrt.win32.dpi import library

ES_CONTINUOUS, ES_SYSTEM_REQUIRED, ES_DISPLAY_REQUIRED = 0x80000000, 0x1, 0x2


class Win32Saver(Resource):
    """Windows keeps what was asked for as long as the thread lives that asked: use it from one."""

    def hold(self) -> None:
        """Hold the saver off.

        :raises OSError, AttributeError: this is not Windows
        """
        library("kernel32").SetThreadExecutionState(ES_CONTINUOUS | ES_SYSTEM_REQUIRED | ES_DISPLAY_REQUIRED)

    def let_go(self) -> None:
        """Leave the saver to itself.

        :raises OSError, AttributeError: this is not Windows
        """
        library("kernel32").SetThreadExecutionState(ES_CONTINUOUS)

    def close(self) -> None:
        """Nothing is held but by the thread."""
