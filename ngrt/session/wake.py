"""Wake-up sequences: what is pressed first, for games that look for a pad only in a menu.

The table is ``wake.toml``, beside this file.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ngrt.errors import PadError, SettingsError
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, PadState


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
        raise SettingsError(f"--wake {name} is not known; choose auto, none or one of: {known}") from error


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
    found = tomllib.loads((files("ngrt") / "wake.toml").read_text("utf-8"))
    return {name: tuple(_press(**press) for press in game["presses"]) for name, game in found.items()}


def _press(buttons: Sequence[str], hold: float, pause: float, times: int = 1) -> Press:
    return Press(frozenset(buttons), hold, pause, times)
