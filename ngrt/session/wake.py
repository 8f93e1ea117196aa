"""Wake-up sequences: what is pressed first, for games that look for a pad only in a menu.

The table is ``wake.toml``, beside this file.
"""

import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ngrt.clock import MonotonicClock
from ngrt.errors import PadError, SettingsError
from ngrt.interfaces import EndOfSource, FrameSource, Note, Pad, Watch, WindowSource
from ngrt.messages import NEUTRAL, PadState
from ngrt.session.settings import PlaySettings


@dataclass(frozen=True, slots=True)
class Press:
    """Buttons held for ``hold`` seconds, then a neutral pad for ``pause`` seconds; all of it ``times`` times."""

    buttons: frozenset[str]
    hold: float
    pause: float
    times: int = 1


def chosen(wake: str, process: str | None) -> tuple[Press, ...]:
    """Return what ``--wake`` chooses for the program ``process``: "auto" its own sequence if there is one, "none" none.

    :raises SettingsError: no game of that name is known
    """
    if wake == "none":
        return ()
    if wake == "auto":
        return _table().get(_plain(process or ""), ())
    return sequence(wake)


def sequence(name: str) -> tuple[Press, ...]:
    """Return the sequence of the game ``name``, whatever its case, with or without .exe.

    :raises SettingsError: no game of that name is known
    """
    try:
        return _table()[_plain(name)]
    except KeyError as error:
        known = ", ".join(sorted(_table()))
        raise SettingsError(f"--wake {name} is not known", remedy=f"choose auto, none or one of: {known}") from error


def wake(pad: Pad, presses: Sequence[Press], sleep: Callable[[float], object]) -> None:
    """Press ``presses`` one after the other, letting time pass by ``sleep``. The pad is neutral afterwards, whatever
    happens.

    :raises PadError: the pad does not take it
    """
    try:
        for press in presses:
            for _ in range(press.times):
                pad.send(PadState(press.buttons))
                sleep(press.hold)
                pad.send(NEUTRAL)
                sleep(press.pause)
    except BaseException:
        with suppress(PadError):  # what went wrong first says more
            pad.send(NEUTRAL)
        raise


def _plain(name: str) -> str:
    return name.casefold().removesuffix(".exe")


@cache
def _table() -> Mapping[str, tuple[Press, ...]]:
    found = tomllib.loads((files("ngrt.session") / "wake.toml").read_text("utf-8"))
    return {name: tuple(_press(**press) for press in game["presses"]) for name, game in found.items()}


def _press(buttons: Sequence[str], hold: float, pause: float, times: int = 1) -> Press:
    return Press(frozenset(buttons), hold, pause, times)


POLL = 0.02
"""Seconds between two looks at what guards the pad, before play begins."""


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
            time.sleep(min(POLL, left))

    try:
        let_pass(0.0)
        note("waking the game up")
        wake(pad, presses, let_pass)
    except EndOfSource:
        note("the game was closed before it was awake")


def _against(watches: Sequence[Watch], now: float) -> str | None:
    """Return why the pad must not be pressed now, None where it may."""
    verdicts = [watch.poll(now) for watch in watches]
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
            time.sleep(POLL)
