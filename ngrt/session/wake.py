"""Wake-up sequences: buttons that are pressed first, for games that look for a pad only in a menu.

The table is ``wake.toml``, beside this file.
"""

import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
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


def chosen_presses(wake: str, process: str | None) -> tuple[Press, ...]:
    """Return the sequence that ``--wake`` chooses for the program ``process``.

    "auto": the program's own if it has one; "none": an empty one; else that of the game with this name.

    :raises SettingsError: no game of that name is known
    """
    if wake == "none":
        return ()
    if wake == "auto":
        return _table().get(_game_name(process or ""), ())
    return sequence(wake)


def sequence(name: str) -> tuple[Press, ...]:
    """Return the sequence of the game ``name``, in any case, with or without .exe.

    :raises SettingsError: no game of that name is known
    """
    try:
        return _table()[_game_name(name)]
    except KeyError as error:
        known = ", ".join(sorted(_table()))
        raise SettingsError(f"--wake {name} is not known", remedy=f"choose auto, none or one of: {known}") from error


def press_all(pad: Pad, presses: Sequence[Press], sleep: Callable[[float], object]) -> None:
    """Press ``presses`` one after the other, waiting by ``sleep``. The pad is neutral afterwards, whatever happens.

    :raises PadError: the pad refused it
    """
    try:
        for press in presses:
            for _ in range(press.times):
                pad.send(PadState(press.buttons))
                sleep(press.hold)
                pad.send(NEUTRAL)
                sleep(press.pause)
    except BaseException:
        with suppress(PadError):  # the first failure says more
            pad.send(NEUTRAL)
        raise


def _game_name(name: str) -> str:
    return name.casefold().removesuffix(".exe")


@cache
def _table() -> Mapping[str, tuple[Press, ...]]:
    found = tomllib.loads((files("ngrt.session") / "wake.toml").read_text("utf-8"))
    return {name: tuple(_press(**press) for press in game["presses"]) for name, game in found.items()}


def _press(buttons: Sequence[str], hold: float, pause: float, times: int = 1) -> Press:
    return Press(frozenset(buttons), hold, pause, times)


POLL = 0.02
"""Seconds between two polls of the guards before play begins."""


def wake_up(
    settings: PlaySettings, source: Callable[[], FrameSource], pad: Pad, watches: Sequence[Watch], note: Note
) -> None:
    """Press the buttons that make the game notice the pad, while every guard lets the policy play.

    :raises ngrt.interfaces.StoppedByPerson: a person wants the session to end at once
    :raises ngrt.errors.NgrtError: the pad or a guard failed
    """
    presses, clock = chosen_presses(settings.wake, settings.process), MonotonicClock()
    if not presses:
        return

    def wait(seconds: float) -> None:
        end = clock.now() + seconds
        while True:
            if (reason := _forbidden_by(watches, clock.now())) is not None:
                pad.send(NEUTRAL)
                note(f"{reason}; the game is woken up after that")
                _wait_until_allowed(watches, source(), settings, clock)
            if (left := end - clock.now()) <= 0:
                return
            time.sleep(min(POLL, left))

    try:
        wait(0.0)
        note("waking the game up")
        press_all(pad, presses, wait)
    except EndOfSource:
        note("the game was closed before it was awake")


def _forbidden_by(watches: Sequence[Watch], now: float) -> str | None:
    """Return why nothing may be pressed now, None if it may."""
    verdicts = [watch.poll(now) for watch in watches]
    return next((verdict.note for verdict in verdicts if verdict is not None and verdict.source != "policy"), None)


def _wait_until_allowed(
    watches: Sequence[Watch], source: FrameSource, settings: PlaySettings, clock: MonotonicClock
) -> None:
    """Wait until every guard lets the policy play.

    :raises EndOfSource: the game's window was closed meanwhile; nobody else checks that yet
    """
    from ngrt.desktop.open import open_desktop

    number = source.number if isinstance(source, WindowSource) else None
    with ExitStack() as stack:
        desktop = None if number is None else stack.enter_context(open_desktop(settings.display))
        while _forbidden_by(watches, clock.now()) is not None:
            if desktop is not None and number is not None and desktop.window(number) is None:
                raise EndOfSource
            time.sleep(POLL)
