"""Waiting for a game that has not started yet; time comes in as arguments."""

import re
from collections.abc import Callable, Container, Mapping, Sequence

from ngrt.desktop.matching import NONE_RUNNING, choices, find, wanted
from ngrt.errors import SourceError
from ngrt.interfaces import Desktop, Window

POLL = 0.25
"""Seconds between two polls of the windows that there are."""

DISPLAY = re.compile(r".*:\d+(\.\d+)?")
"""What an X11 display may be called; no waiting helps another name."""


def wait_for_display(
    opens: Callable[[], object],
    display: str,
    seconds: float,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], object],
    note: Callable[[str], object],
) -> float:
    """Return how many of ``seconds`` are left once ``opens`` opens ``display``; a service at boot comes before it.

    ``note`` is told what is waited for.

    :raises ngrt.errors.SourceError: what ``opens`` raises once the time is over
    """
    deadline = now() + seconds
    waiting = False
    while True:
        try:
            opens()
            return max(0.0, deadline - now())
        except SourceError:
            left = deadline - now()
            if left <= 0 or not DISPLAY.fullmatch(display):
                raise
        if not waiting:
            note(f"waiting for display {display}, for {seconds:g} s at most")
            waiting = True
        sleep(min(POLL, left))


def wait_for(
    desktop: Desktop,
    process: str | None,
    title: str | None,
    seconds: float,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], object],
    note: Callable[[str], object],
    running: Callable[[], Mapping[int, str]] = lambda: NONE_RUNNING,
    ignored: Container[int | None] = (),
) -> Window:
    """Return the game's window, waiting for ``seconds`` until there is one.

    ``note`` is told what is waited for, and which of several windows was taken. ``running`` returns the names of the
    processes on this machine by their ids; asked only where the game is not found. ``ignored``: ids of processes whose
    windows are no games: a terminal's title may name the game that is asked for in it.

    :raises ngrt.errors.SourceError: there is still none, the title fits several processes, or the desktop is gone
    """
    deadline = now() + seconds
    waiting = False
    while not (found := choices(windows := others(desktop, ignored), process, title)):
        left = deadline - now()
        if left <= 0:
            return find(windows, process, title, running())
        if not waiting:
            note(f"waiting for {wanted(process, title)}, for {seconds:g} s at most")
            waiting = True
        sleep(min(POLL, left))
    if len(found) > 1:
        note(_taken(found, process, title))
    return found[0]


def others(desktop: Desktop, ignored: Container[int | None]) -> list[Window]:
    """Return the windows of ``desktop`` but those of the processes ``ignored``.

    :raises ngrt.errors.SourceError: the desktop is gone
    """
    return [window for window in desktop.windows() if window.pid not in ignored]


def _taken(found: Sequence[Window], process: str | None, title: str | None) -> str:
    best = found[0]
    name = repr(best.title) if best.title else "the one without a title"
    return (
        f"{len(found)} windows fit {wanted(process, title)}: playing {name}, {best.width} x {best.height}; "
        "choose another with --window TITLE or --process ID"
    )
