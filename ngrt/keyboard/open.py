"""The keyboard on this platform: in a person's hands, and pressed for a game."""

import sys
from collections.abc import Iterable
from typing import Protocol

from ngrt.errors import PadError, SourceError
from ngrt.interfaces import Keys
from ngrt.keyboard.sender import KeySender
from ngrt.resource import Resource


class OpenedKeys(Keys, Resource, Protocol):
    """A keyboard to read, which works in a ``with``."""


class OpenedSender(KeySender, Resource, Protocol):
    """A keyboard to press, which works in a ``with``."""


def open_keys(display: str | None = None) -> OpenedKeys:
    """Return what tells which keys are held; ``display`` says where under X11 (None: the one that $DISPLAY names).

    :raises SourceError: no keyboard can be read here
    """
    if sys.platform == "win32":
        from ngrt.keyboard.keys_win32 import Win32Keys

        return Win32Keys()
    elif sys.platform == "linux":
        from ngrt.keyboard.keys_x11 import X11Keys

        return X11Keys(display)
    else:
        raise SourceError(
            f"keys cannot be watched on {sys.platform}, only under X11 and on Windows",
            remedy="use --panic-key none, and no key for --takeover",
        )


def open_sender(display: str | None, names: Iterable[str]) -> OpenedSender:
    """Return what presses ``names`` here; ``display`` says where under X11.

    :raises PadError: there is no keyboard that can be pressed
    :raises ngrt.errors.SettingsError: it has no such key
    """
    if sys.platform == "win32":
        from ngrt.keyboard.sender_win32 import Win32Sender

        return Win32Sender()
    elif sys.platform == "linux":
        from ngrt.keyboard.sender_x11 import X11Sender

        return X11Sender(display, names)
    else:
        raise PadError(
            f"keys cannot be pressed on {sys.platform}, only under X11 and on Windows", remedy="use --pad none"
        )
