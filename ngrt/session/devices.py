"""Opens the source and the pad of a session from its settings."""

import os
import time
from contextlib import ExitStack

from ngrt.clock import MonotonicClock
from ngrt.desktop.matching import choices
from ngrt.errors import PadError
from ngrt.interfaces import FrameSource, Note, Pad
from ngrt.session.settings import MOST_RATE, PlaySettings, SourceKind


def open_source(kind: SourceKind, settings: PlaySettings, note: Note) -> FrameSource:
    """Return the chosen source, open. Waits for a game's window for as long as the settings say.

    :raises ngrt.errors.SourceError: it is not there, or cannot be captured
    """
    from ngrt.sources.open import open_images, open_screen, open_video

    if kind == "video" and settings.video is not None:
        return open_video(settings.video)
    if kind == "image":
        return open_images(settings.image)
    if kind == "window":
        return _open_window(settings, note)
    return open_screen(settings.display, settings.monitor, _source_rate(settings), settings.capture)


def after_display(kind: SourceKind, settings: PlaySettings, note: Note) -> PlaySettings:
    """Wait until the display is up that the game will be on; return the settings with the time that is left to wait.

    :raises ngrt.errors.SourceError: it is not, for as long as the settings say
    """
    from ngrt.desktop.open import open_desktop
    from ngrt.desktop.waiting import wait_for_display

    display = settings.display or os.environ.get("DISPLAY", "")
    if kind not in {"display", "window"} or not settings.wait or not display:
        return settings
    left = wait_for_display(
        lambda: open_desktop(settings.display).close(),
        display,
        settings.wait,
        now=MonotonicClock().now,
        sleep=time.sleep,
        note=note,
    )
    return settings.model_copy(update={"wait": left})


def open_pad(kind: SourceKind, settings: PlaySettings, note: Note) -> Pad:
    """Return the chosen pad, open. By default a window gets an Xbox pad, and a screen gets one if there can be one.

    :raises ngrt.errors.PadError: it cannot be opened
    """
    from ngrt.pads.open import open_pad as opened

    if settings.pad == "keyboard" and kind == "display":
        note("keys go to whatever has the focus; --process GAME plays only while the game has it")
    if settings.pad != "auto":
        return opened(settings.pad, settings.keys, settings.display)
    if kind == "window":
        return opened("xbox", None, settings.display)
    if kind == "display":
        try:
            return opened("xbox", None, settings.display)
        except PadError as error:
            note(f"no pad, only watching: {error}")
    return opened("none")


def _open_window(settings: PlaySettings, note: Note) -> FrameSource:
    from ngrt.desktop.open import blind_spot, open_desktop
    from ngrt.desktop.processes import own_line, running
    from ngrt.desktop.waiting import others, wait_for
    from ngrt.sources.open import open_window

    with ExitStack() as undo:
        desktop = open_desktop(settings.display)
        undo.callback(desktop.close)
        own = own_line()
        if unseen := blind_spot(settings.display):
            note(unseen)
        window = wait_for(
            desktop,
            settings.process,
            settings.window,
            settings.wait,
            now=MonotonicClock().now,
            sleep=time.sleep,
            note=note,
            running=running,
            ignored=own,
        )
        process = settings.process or window.process  # another program's window of that title is not the game
        source = open_window(
            desktop,
            window,
            lambda: next(iter(choices(others(desktop, own), process, settings.window)), None),
            settings.lost == "end",
            _source_rate(settings),
            settings.capture,
            settings.display,
        )
        undo.pop_all()
    return source


def _source_rate(settings: PlaySettings) -> float:
    return MOST_RATE if settings.rate == "auto" else settings.rate
