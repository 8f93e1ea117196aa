"""Pressing keys: what a platform must be able to do."""

from collections.abc import Iterable
from typing import Protocol


class KeySender(Protocol):
    """Presses keys by their names in `ngrt.keyboard.names`, as if on the keyboard."""

    @property
    def name(self) -> str:
        """Where the keys are pressed, in a few words for people."""

    @property
    def lost(self) -> bool:
        """Whether the keyboard is gone for good, and its keys with it."""

    def put(self, up: Iterable[str], down: Iterable[str]) -> None:
        """Let go of the keys ``up``, then press the keys ``down``, all at once.

        :raises ngrt.errors.PadError: the system does not take them
        """

    def settle(self) -> None:
        """Return once all of it has been done.

        :raises ngrt.errors.PadError: the system does not answer
        """

    def any_down(self, names: Iterable[str]) -> bool:
        """Return whether one of the keys is down, whoever presses it.

        :raises ngrt.errors.PadError: the system does not answer
        """

    def close(self) -> None:
        """Let go of the keyboard, not of its keys. May be called twice."""
