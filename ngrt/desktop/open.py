"""The desktop of this machine."""

import os
import sys
from contextlib import suppress
from typing import Protocol

from ngrt.errors import SourceError
from ngrt.interfaces import Desktop, Locks
from ngrt.resource import Resource


class OpenedDesktop(Desktop, Resource, Protocol):
    """A desktop that works in a ``with``."""


def open_desktop(display: str | None = None) -> OpenedDesktop:
    """Return the windows of this session; ``display`` names an X11 display where it is not $DISPLAY's.

    :raises SourceError: there is no desktop here, or it cannot be reached
    """
    if sys.platform == "win32":
        from ngrt.desktop.win32 import Win32Desktop

        return Win32Desktop()
    else:
        try:
            from ngrt.desktop.x11 import X11Desktop
        except ModuleNotFoundError as error:  # ngrt's dependencies name no way to see windows here
            raise SourceError(f"windows cannot be seen on {sys.platform}", remedy="play on Linux or Windows") from error
        return X11Desktop(display)


class OpenedLocks(Locks, Resource, Protocol):
    """What knows of locked sessions, and works in a ``with``."""


def open_locks(display: str | None = None) -> list[OpenedLocks]:
    """Return what knows here whether this session is locked; ``display`` names an X11 display, $DISPLAY's if None.

    None on Windows: it takes no keys for a session that is locked, and says so.

    :raises SourceError: the X11 display cannot be reached
    """
    if sys.platform == "linux":
        from ngrt.desktop.x11_locks import X11Locks

        desktop = X11Locks(display)
        with suppress(ModuleNotFoundError):  # jeepney was removed: the X server still tells
            from ngrt.desktop.logind import LogindLocks

            logind = LogindLocks(display)
            if logind.found:
                return [desktop, logind]
            logind.close()
        return [desktop]
    else:
        return []


def blind_spot(display: str | None = None) -> str | None:
    """Return what the desktop cannot show of this session, in a few words for people; None where it shows all."""
    own = display is None or display == os.environ.get("DISPLAY")
    if own and os.environ.get("XDG_SESSION_TYPE") == "wayland":
        return "in a Wayland session only the windows of X11 programs are seen; log in to an X11 (Xorg) session"
    return None
