"""The keyboard in a person's hands, on this platform."""

import sys

from ngrt.errors import SourceError
from ngrt.interfaces import Keys


def open_keys(display: str | None = None) -> Keys:
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
            f"keys cannot be watched on {sys.platform}, only under X11 and on Windows", remedy="use --panic-key none"
        )
