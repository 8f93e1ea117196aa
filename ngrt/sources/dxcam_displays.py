"""Which displays dxcam can capture, and where on the desktop they are.

Has not been run on Windows: what is used of dxcam is checked against its own source, its quirks by a stand-in.
"""

import importlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ngrt.errors import NgrtError, SourceError
from ngrt.interfaces import Window
from ngrt.text import one_line
from ngrt.win32.dpi import see_physical_pixels, see_physical_pixels_here

ON_WINDOWS = os.name == "nt"

logging.getLogger("dxcam").addHandler(logging.NullHandler())  # else Python prints its warnings over what is shown

FACTORY = "__factory"
"""What dxcam keeps its outputs in; no function of it tells where they are."""

INSTALL = "pip install 'dxcam[winrt]'"

Region = tuple[int, int, int, int]
"""As dxcam counts: left, top, right, bottom, from the display's own corner."""


@dataclass(frozen=True, slots=True)
class Display:
    """One output of one graphics adapter, by dxcam's indices, and its edges in physical pixels of the whole desktop."""

    device: int
    output: int
    name: str
    left: int
    top: int
    right: int
    bottom: int

    @property
    def primary(self) -> bool:
        """Whether the desktop's coordinates begin at its corner, as they do at that of the primary one alone."""
        return self.left == self.top == 0

    def region(self, window: Window) -> Region | None:
        """Return the part of ``window`` that is on this display, None where nothing is."""
        left, top = max(window.left, self.left), max(window.top, self.top)
        right = min(window.left + window.width, self.right)
        bottom = min(window.top + window.height, self.bottom)
        if right <= left or bottom <= top:
            return None
        return left - self.left, top - self.top, right - self.left, bottom - self.top


@contextmanager
def map_dxcam_errors(failure: Callable[[Exception], NgrtError]) -> Iterator[None]:
    """Raise what ``failure`` makes of the error where the block fails.

    That may be any: those of dxcam, comtypes and pywin32 (COMError, pywintypes.error) share no base but Exception.
    """
    try:
        yield
    except NgrtError:
        raise
    except Exception as error:
        raise failure(error) from error


def load_dxcam() -> Any:
    """Return the module. Its import lists the adapters, so it comes late, after pixels are set to be physical.

    :raises SourceError: it is not installed, does not find a display, or this is not Windows
    """
    if not ON_WINDOWS:
        raise SourceError(
            "screens are captured by dxcam on Windows only", remedy="give an X11 display, such as --display :0"
        )
    see_physical_pixels()
    see_physical_pixels_here()
    os.environ.setdefault("DXCAM_WINRT_CURSOR_CAPTURE", "0")  # the game does not draw it, and DXGI leaves it out
    with map_dxcam_errors(_unusable):
        return importlib.import_module("dxcam")


def _unusable(error: Exception) -> SourceError:
    if isinstance(error, ModuleNotFoundError):
        return SourceError(f"{error.name} is not installed", remedy=f"install it with: {INSTALL}")
    return SourceError(
        f"Windows lists no display adapters ({one_line(error)})",
        remedy="run ngrt in the session you play in, and update the graphics driver",
    )


def displays(dxcam: Any) -> list[Display]:
    """Return what can be captured now, in dxcam's order; a monitor that was plugged in after its import is not there.

    The edges come from Windows: dxcam keeps those of the time when a camera was made.

    :raises SourceError: Windows does not say
    """
    edges = _edges()
    outputs = getattr(dxcam, FACTORY).outputs
    return [
        Display(device, number, output.devicename, *edges[output.devicename])
        for device, found in enumerate(outputs)
        for number, output in enumerate(found)
        if output.devicename in edges
    ]


def _edges() -> dict[str, tuple[int, int, int, int]]:
    """Return left, top, right and bottom of every monitor in use, by the name of its device."""
    import win32api

    see_physical_pixels_here()
    with map_dxcam_errors(_unlisted):
        infos = [win32api.GetMonitorInfo(int(handle)) for handle, _, _ in win32api.EnumDisplayMonitors()]
        return {info["Device"]: info["Monitor"] for info in infos}


def _unlisted(error: Exception) -> SourceError:
    return SourceError(f"monitors cannot be listed ({one_line(error)})", remedy="run ngrt in the session you play in")


def display_number(found: Sequence[Display], monitor: int | None) -> Display:
    """Return a display by its number, counted from 0; the primary one where None is given.

    :raises SourceError: there is none
    """
    if not found:
        raise SourceError(
            "dxcam finds no display to capture", remedy="run ngrt in the session you play in, or start it anew"
        )
    if monitor is None:
        return next((display for display in found if display.primary), found[0])
    if monitor >= len(found):
        raise SourceError(
            f"there is no monitor {monitor}",
            value=monitor,
            limit=f"there are {len(found)}, counted from 0",
            remedy=f"try --monitor {len(found) - 1}",
        )
    return found[monitor]


def showing_most_of(found: Sequence[Display], window: Window) -> tuple[Display, Region] | None:
    """Return the display that shows most of ``window``, and which part of it; None where none shows any."""
    parts = [(display, region) for display in found if (region := display.region(window)) is not None]
    return max(parts, key=lambda part: _area(part[1]), default=None)


def _area(region: Region) -> int:
    left, top, right, bottom = region
    return (right - left) * (bottom - top)
