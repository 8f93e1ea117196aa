"""What drives a game: the pad that was chosen, by its name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ngrt.interfaces import Pad, PadKind
from ngrt.pads.recording import RecordingPad
from ngrt.resource import Resource


class OpenedPad(Pad, Resource, Protocol):
    """A pad that works in a ``with``."""


def open_pad(kind: PadKind, keys: Path | None = None, display: str | None = None) -> OpenedPad:
    """Return a pad of ``kind``, open; "auto" is the one that most games know.

    ``keys``: the keyboard's mapping file; ``display``: the X11 display it types on.

    :raises ngrt.errors.PadError: it cannot be opened, or another ngrt has it
    """
    return OPENERS[kind](keys, display)


def _open_xbox(keys: Path | None, display: str | None) -> OpenedPad:
    from ngrt.pads.vgamepad import VgamepadPad

    return VgamepadPad("xbox")


def _open_ds4(keys: Path | None, display: str | None) -> OpenedPad:
    from ngrt.pads.vgamepad import VgamepadPad

    return VgamepadPad("ds4")


def _open_keyboard(keys: Path | None, display: str | None) -> OpenedPad:
    from ngrt.pads.keyboard import KeyboardPad

    return KeyboardPad(keys, display)


OPENERS: Mapping[PadKind, Callable[[Path | None, str | None], OpenedPad]] = {
    "auto": _open_xbox,
    "xbox": _open_xbox,
    "ds4": _open_ds4,
    "keyboard": _open_keyboard,
    "none": lambda keys, display: RecordingPad(),
}
