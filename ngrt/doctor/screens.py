"""The display, its windows, and whether pictures come from it.

On Windows the desktop is always there; its windows and pictures are checked. That has not been run.
"""

import getpass
import os
import statistics
import sys
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.control.pacing import next_deadline
from ngrt.desktop.matching import choices
from ngrt.doctor.checks import Finding
from ngrt.interfaces import FrameSource, NothingToSee
from ngrt.sources.open import OpenedSource
from ngrt.text import one_line

SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108  (where X servers put them)
RATE = 60.0
SAMPLED = 0.6
"""Seconds for which pictures are grabbed."""

DEPTHS = 24, 32
"""Bits a pixel of the screens whose pictures can be read."""

OPENED = 3
"""Times that the source is opened for the picture it shows first: a screen that stands still shows no other."""

XORG = "log out, and choose an X11 (Xorg) session at the login screen"


def display(name: str | None) -> Finding:
    """Find the display server."""
    return Finding("good", "the desktop of Windows") if sys.platform == "win32" else _x11(name)


def _x11(name: str | None) -> Finding:
    wayland = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland"
    chosen = name or os.environ.get("DISPLAY", "")
    if not chosen:
        return _none(bool(wayland))
    from ngrt.x11.errors import LOST
    from ngrt.x11.link import open_link

    try:
        server = open_link(chosen)
    except LOST as error:
        return _unreachable(chosen, error)
    with closing(server):
        screen = server.screen()
        found = f"X11 display {chosen}, {screen.width_in_pixels} x {screen.height_in_pixels}, {screen.root_depth} bits"
        behind = server.query_extension("XWAYLAND") is not None
    if screen.root_depth not in DEPTHS:
        return Finding("missing", f"{found}; pictures are taken of screens with 24", _starting(chosen))
    if behind or (wayland and name is None):
        return Finding("limited", f"{found}, but the session is Wayland's, which hides its windows from X11", XORG)
    return Finding("good", found)


def windows(name: str | None) -> Finding:
    """Find windows that could be a game's, and a manager that tells which has the focus (EWMH)."""
    from ngrt.desktop.open import open_desktop

    with open_desktop(name) as desktop:
        count = len(choices(desktop.windows()))
    found = f"{count} that could be a game's"
    managed = "Windows" if sys.platform == "win32" else _manager(name)
    if managed:
        return Finding("good", f"{found}, managed by {managed}")
    why = "no window manager that speaks EWMH, so what has the focus is a guess"
    return Finding("limited", f"{found}; {why}", "openbox &")


def _manager(name: str | None) -> str:
    """Return what manages the windows of an X11 display, empty where nothing does that speaks EWMH."""
    from Xlib import X

    from ngrt.x11.connection import X11Connection
    from ngrt.x11.errors import asked

    with X11Connection(name) as connection, connection.talking() as server:
        check = server.screen().root.get_full_property(
            server.intern_atom("_NET_SUPPORTING_WM_CHECK"), X.AnyPropertyType
        )
        if check is None:
            return ""
        window = server.create_resource_object("window", check.value[0])

        def title() -> str:
            found = window.get_full_property(server.intern_atom("_NET_WM_NAME"), X.AnyPropertyType)
            return "something without a name" if found is None else bytes(found.value).decode("utf-8", "replace")

        return asked(title, "")  # else left by one that is gone


@dataclass
class Grabs:
    """What grabbing came to: how often, seconds of each grab that brought a picture, its size, whether all is black."""

    count: int = 0
    takes: list[float] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    black: bool = True

    def grab(self, source: FrameSource, clock: MonotonicClock) -> None:
        """Grab once."""
        start = clock.now()
        image = source.grab(start)
        self.count += 1
        if image is not None:
            self.takes.append(clock.now() - start)
            self.size = (image.shape[1], image.shape[0])
            self.black = self.black and not bool(np.any(image))


def capture(name: str | None) -> Finding:
    """Find whether the screen's pictures can be had, how fast, and whether they show anything."""
    clock = MonotonicClock()
    try:
        first = _first_pictures(name, clock)
        watched, spent = _watched(name, clock)
    except NothingToSee as error:
        return Finding("missing", str(error))
    takes = first.takes + watched.takes
    if not takes:
        return Finding("missing", "the screen was watched, and showed nothing", "move a window, then: ngrt doctor")
    rate, (width, height) = watched.count / spent, first.size if first.takes else watched.size
    found = (
        f"{width} x {height}: {rate:.0f} grabs a second where {RATE:.0f} were asked for; a picture takes "
        f"{statistics.median(takes) * 1e3:.1f} ms, {max(0, len(watched.takes) - 1) / spent:.0f} new ones a second"
    )
    if first.black and watched.black:
        why = "every picture is black: nothing is drawn there, or the session hides its windows"
        return Finding("limited", f"{found}; {why}", "start the game, then: ngrt doctor")
    if rate < 0.95 * RATE:
        return Finding("limited", found, f"ngrt play --rate {rate:.0f}, or a smaller resolution in the game")
    return Finding("good", found)


def _first_pictures(name: str | None, clock: MonotonicClock) -> Grabs:
    """Return what the screen shows first, opened several times."""
    grabs = Grabs()
    for _ in range(OPENED):
        with _opened(name) as source:
            grabs.grab(source, clock)
    return grabs


def _watched(name: str | None, clock: MonotonicClock) -> tuple[Grabs, float]:
    """Return what `SAMPLED` seconds of grabbing at the asked rate came to, and how long they took."""
    grabs, never = Grabs(), threading.Event()
    with _opened(name) as source:
        start = due = clock.now()
        while due < start + SAMPLED:
            clock.wait_until(due, never)
            grabs.grab(source, clock)
            due, _ = next_deadline(due, clock.now(), 1 / RATE)
        clock.wait_until(due, never)
        return grabs, clock.now() - start


def _opened(name: str | None) -> OpenedSource:
    from ngrt.sources.open import open_screen

    return open_screen(name, None, RATE, "auto")


def _none(wayland: bool) -> Finding:
    """Return that no display is named, with those that are there."""
    running = sorted(socket.name.replace("X", ":", 1) for socket in SOCKETS.glob("X*")) if SOCKETS.is_dir() else []
    if wayland:
        return Finding("missing", "a Wayland session without X11 (no XWayland), which cannot be watched", XORG)
    if running:
        return Finding(
            "missing",
            f"DISPLAY is not set; X servers are running: {', '.join(running)}",
            f"ngrt doctor --display {running[0]}",
        )
    return Finding("missing", "DISPLAY is not set, and no X server runs", _starting(":0"))


def _starting(name: str) -> str:
    """Return the command that starts a server ``name``."""
    return f"Xvfb {name} -screen 0 1280x720x24 &  # without a monitor; else start a desktop"


def _unreachable(name: str, error: Exception) -> Finding:
    """Return that the server ``name`` lets nobody in, or is not there."""
    from Xlib.error import DisplayNameError

    from ngrt.x11.errors import refuses_user

    if isinstance(error, DisplayNameError):
        return Finding("missing", f"{name} is no name of a display", "ngrt doctor --display :0")
    if refuses_user(error):
        cookie = os.environ.get("XAUTHORITY", "")
        who = f"XAUTHORITY is {cookie}" if cookie else "XAUTHORITY is not set"
        allow = f"xhost +si:localuser:{getpass.getuser()}"
        fix = f"as the user who is logged in there: {allow}  # or set XAUTHORITY to their file"
        return Finding("missing", f"display {name} refuses this user ({who})", fix)
    return Finding("missing", f"display {name} cannot be reached: {one_line(error)}", _starting(name))
