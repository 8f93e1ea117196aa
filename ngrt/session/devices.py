"""What a session touches of this machine, opened from the settings: a picture, a pad, and what guards the pad."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Protocol, runtime_checkable

from ngrt.clock import MonotonicClock
from ngrt.control.watches import FocusGuard, PanicKey, TakeoverKey, TakeoverPad
from ngrt.desktop.matching import choices
from ngrt.errors import PadError, SettingsError
from ngrt.interfaces import EndOfSource, FrameSource, Keys, Pad, PersonPad, Watch
from ngrt.messages import NEUTRAL
from ngrt.session.settings import MOST_RATE, PlaySettings, SourceKind
from ngrt.session.wake import chosen, wake

Note = Callable[[str], object]
"""Told what is done or waited for before play begins."""

NONE, PAD = "none", "pad"
LOOK = 0.02
"""Seconds between two looks at what guards the pad, before play begins."""


@runtime_checkable
class WindowSource(FrameSource, Protocol):
    """A source that watches a window."""

    @property
    def number(self) -> int | None:
        """The window's number, None while it has none."""


def open_source(kind: SourceKind, settings: PlaySettings, note: Note) -> FrameSource:
    """Return what is watched, open; waits for a game's window as long as the settings say.

    :raises ngrt.errors.SourceError: it is not there, or cannot be watched
    """
    if kind == "video" and settings.video is not None:
        from ngrt.sources.video import VideoSource

        return VideoSource(settings.video)
    if kind == "image":
        from ngrt.sources.images import ImageSource

        return ImageSource(settings.image)
    if kind == "window":
        return _open_window(settings, note)
    from ngrt.sources.open import open_screen

    return open_screen(settings.display, settings.monitor, _rate(settings), settings.capture)


def open_pad(kind: SourceKind, settings: PlaySettings, note: Note) -> Pad:
    """Return the pad that was chosen. Where none was, a window gets an Xbox pad, a screen gets one if it can be had.

    :raises ngrt.errors.PadError: it cannot be had
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


def open_person(settings: PlaySettings) -> PersonPad | None:
    """Return a person's own pad to take over with, None where none is wanted.

    To be opened before ngrt's own: Windows does not tell whose a pad is.

    :raises ngrt.errors.PadError: none can be read
    """
    if PAD not in _takeover(settings):
        return None
    from ngrt.pads.person.open import open_person_pad

    return open_person_pad()


def open_watches(
    kind: SourceKind, settings: PlaySettings, source: Callable[[], FrameSource], pad: Pad, person: PersonPad | None
) -> list[Watch]:
    """Return what may take the pad from the policy. ``source`` returns what is watched now: it may be opened again.

    ``person``: see `open_person`; closed with the watch that it gets.

    :raises ngrt.errors.NgrtError: one of them cannot be had
    """
    watches: list[Watch] = []
    with ExitStack() as undo:

        def add(watch: Watch) -> None:
            undo.callback(watch.close)
            watches.append(watch)

        if kind == "window" and settings.focus_guard:
            add(_focus_guard(source, settings))
        if kind in {"window", "display"} and settings.panic_key.casefold() != NONE:
            add(PanicKey(_keys(settings, settings.panic_key, pad), settings.panic_key))
        if person is not None:
            add(TakeoverPad(person))
        for name in _takeover(settings):
            if name != PAD:
                add(TakeoverKey(_keys(settings, name, pad), name))
        undo.pop_all()
    return watches


def wake_up(
    settings: PlaySettings, source: Callable[[], FrameSource], pad: Pad, watches: Sequence[Watch], note: Note
) -> None:
    """Press what makes the game notice the pad, as long as every watch lets the policy play.

    :raises ngrt.interfaces.StoppedByPerson: a person wants it to end at once
    :raises ngrt.errors.NgrtError: the pad or a watch fails
    """
    presses, clock = chosen(settings.wake, settings.process), MonotonicClock()
    if not presses:
        return

    def let_pass(seconds: float) -> None:
        end = clock.now() + seconds
        while True:
            if (reason := _against(watches, clock.now())) is not None:
                pad.send(NEUTRAL)
                note(f"{reason}; the game is woken up after that")
                _hold_on(watches, source(), settings, clock)
            if (left := end - clock.now()) <= 0:
                return
            time.sleep(min(LOOK, left))

    try:
        let_pass(0.0)
        note("waking the game up")
        wake(pad, presses, let_pass)
    except EndOfSource:
        note("the game was closed before it was awake")


def _against(watches: Sequence[Watch], now: float) -> str | None:
    """Return why the pad must not be pressed now, None where it may."""
    verdicts = [watch.look(now) for watch in watches]
    return next((verdict.note for verdict in verdicts if verdict is not None and verdict.source != "policy"), None)


def _hold_on(watches: Sequence[Watch], source: FrameSource, settings: PlaySettings, clock: MonotonicClock) -> None:
    """Wait until every watch lets the policy play.

    :raises EndOfSource: the game's window was closed meanwhile, which nobody else looks at yet
    """
    from ngrt.desktop.open import open_desktop

    number = source.number if isinstance(source, WindowSource) else None
    with ExitStack() as stack:
        desktop = None if number is None else stack.enter_context(closing(open_desktop(settings.display)))
        while _against(watches, clock.now()) is not None:
            if desktop is not None and number is not None and desktop.window(number) is None:
                raise EndOfSource
            time.sleep(LOOK)


def check_names(settings: PlaySettings) -> None:
    """Refuse names of keys and games that mean nothing, before anything is opened or waited for.

    :raises ngrt.errors.SettingsError: there is no such key or game
    """
    from ngrt.keyboard.names import known

    chosen(settings.wake, settings.process)
    takeover = [name for name in _takeover(settings) if name != PAD]
    if settings.panic_key.casefold() != NONE:
        known(settings.panic_key)
    for name in takeover:
        known(name)
        if name == settings.panic_key:
            raise SettingsError(f"--takeover {name} is the panic key, too; choose another for one of them")


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
            _rate(settings),
            settings.capture,
            settings.display,
        )
        undo.pop_all()
    return source


def _focus_guard(source: Callable[[], FrameSource], settings: PlaySettings) -> FocusGuard:
    from ngrt.desktop.open import open_desktop

    def number() -> int | None:
        watched = source()
        return watched.number if isinstance(watched, WindowSource) else None

    return FocusGuard(open_desktop(settings.display), number, settings.process or source().name)


def _keys(settings: PlaySettings, name: str, pad: Pad) -> Keys:
    from ngrt.keyboard.open import open_keys

    if name in getattr(pad, "key_names", ()):
        raise SettingsError(f"key {name} is pressed by the pad itself; choose another key, or change --keys")
    return open_keys(settings.display)


def _takeover(settings: PlaySettings) -> list[str]:
    return [PAD if name.casefold() == PAD else name for name in settings.takeover]


def _rate(settings: PlaySettings) -> float:
    return MOST_RATE if settings.rate == "auto" else settings.rate
