"""Opens what can be watched: a screen or a window with whatever this platform has for it, a video, images."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ngrt.interfaces import CaptureKind, Desktop, FrameSource, Window
from ngrt.resource import Resource


class OpenedSource(FrameSource, Resource, Protocol):
    """A source that works in a ``with``."""


def open_screen(display: str | None, monitor: int | None, rate: float, kind: CaptureKind) -> OpenedSource:
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
) -> OpenedSource:
    """Return ``window`` of ``desktop``, followed when it moves; closes the desktop with itself.

    ``find_again``: asked for the game's window after it was closed, unless ``ends``. For the rest see `open_screen`.

    :raises ngrt.errors.SourceError: it cannot be watched
    """
    if sys.platform == "win32":
        from ngrt.sources.dxcam import DxcamWindow

        return DxcamWindow(desktop, window, find_again, ends, rate, kind)
    else:
        from ngrt.sources.x11 import X11Window

        return X11Window(desktop, window, find_again, ends, rate, display)


def open_video(path: Path) -> OpenedSource:
    """Return the video in ``path``, which plays once, as fast as it says.

    :raises ngrt.errors.SourceError: there is no such file, or it cannot be decoded
    """
    from ngrt.sources.video import VideoSource

    return VideoSource(path)


def open_images(paths: Sequence[Path], seconds_each: float = 1.0) -> OpenedSource:
    """Return the images in ``paths``, each shown for ``seconds_each``, again and again.

    :raises ngrt.errors.SourceError: there are none, one cannot be decoded, or together they are too large
    """
    from ngrt.sources.images import ImageSource

    return ImageSource(paths, seconds_each)
