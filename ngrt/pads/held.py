"""A pad that can be held neutral from any thread, whatever the tick wants: before this process stops or ends."""

import threading
from contextlib import suppress

from ngrt.errors import PadError
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, PadState, Rumble
from ngrt.resource import Resource

PATIENCE = 0.5
"""Seconds that are waited for a state that is being sent: a pad may hang."""


class HeldPad(Resource):
    """Passes everything on to ``pad`` unless it is held."""

    def __init__(self, pad: Pad) -> None:
        self._pad, self._lock, self._held = pad, threading.Lock(), False

    @property
    def name(self) -> str:
        """The pad's name."""
        return self._pad.name

    @property
    def rumble(self) -> Rumble:
        """How strongly the game runs the pad's motors now."""
        return self._pad.rumble

    def send(self, state: PadState) -> None:
        """Put the pad into ``state``; while it is held, into neutral.

        :raises PadError: the device refused it
        """
        with self._lock:
            self._pad.send(NEUTRAL if self._held else state)

    def hold(self) -> None:
        """Make the pad neutral and keep it so until `go_on`; what cannot be made so is left. May be called twice."""
        self._held = True
        if self._lock.acquire(timeout=PATIENCE):
            try:
                with suppress(PadError):  # closed, or gone
                    self._pad.send(NEUTRAL)
            finally:
                self._lock.release()

    def go_on(self) -> None:
        """Pass on again what is sent."""
        self._held = False

    def close(self) -> None:
        """Close the pad, which leaves it neutral."""
        self._pad.close()
