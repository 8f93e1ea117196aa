"""Opens what is on the screen, with whatever this platform has for it."""

import sys
from collections.abc import Callable

from ngrt.interfaces import CaptureKind, Desktop, FrameSource, Window


def open_screen(display: str | None, monitor: int | None, rate: float, kind: CaptureKind) -> FrameSource:
    """Return a whole monitor, counted from 0, the primary one where None is given.

    ``display``: X11's, such as ``:0``; Windows has none. ``rate``: pictures a second that are wanted. ``kind``: how
    Windows gives them.

    :raises ngrt.errors.SourceError: it cannot be watched
    """
    if sys.platform == "win32":
        from ngrt.sources.dxcam import DxcamScreen

        return DxcamScreen(monitor, rate, kind)
    else:
        from ngrt.sources.x11 import X11Source

        return X11Source(display, rate, monitor)


def open_window(
    desktop: Desktop,
    window: Window,
    find_again: Callable[[], Window | None],
    ends: bool,
    rate: float,
    kind: CaptureKind,
    display: str | None = None,
) -> FrameSource:
    """Return ``window`` of ``desktop``, followed when it moves.

    ``find_again``: asked for the game's window after it was closed, unless ``ends``. For the rest see `open_screen`.

    :raises ngrt.errors.SourceError: it cannot be watched
    """
    if sys.platform == "win32":
        from ngrt.sources.dxcam import DxcamWindow

        return DxcamWindow(desktop, window, find_again, ends, rate, kind)
    else:
        from ngrt.sources.x11 import X11Window

        return X11Window(desktop, window, find_again, ends, rate, display)
