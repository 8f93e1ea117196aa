"""A pad whose buttons and sticks are keys: for games that know no gamepad."""

import re
from contextlib import ExitStack, suppress
from pathlib import Path

from ngrt.errors import PadError
from ngrt.keyboard.guarded import Guardian
from ngrt.keyboard.open import open_sender
from ngrt.keyboard.sender import KeySender
from ngrt.messages import STILL, PadState
from ngrt.pads.keyboard_mapping import load_mapping
from ngrt.pads.lock import PadLock
from ngrt.resource import Resource


class KeyboardPad(Resource):
    """Presses the keys that the mapping file ``keys`` says (None: the one that ships) on ``display`` (X11).

    Keys go to the window that has the focus. They show up in `ngrt.interfaces.Keys` like a person's: a key in
    `key_names` is no panic key. ``sender``: presses them somewhere else, and nothing guards those.

    :raises ngrt.errors.SettingsError: the mapping cannot be used
    :raises PadError: keys cannot be pressed here, or another ngrt presses them
    """

    rumble = STILL

    def __init__(self, keys: Path | None = None, display: str | None = None, sender: KeySender | None = None) -> None:
        self._mapping = load_mapping(keys)
        self.key_names = self._mapping.names
        """Every key that the pad may press."""
        self._down: frozenset[str] = frozenset()
        self._closed = False
        self._guardian: Guardian | None = None
        self._lock: PadLock | None = None
        self._sender = sender or open_sender(display, self.key_names)
        self.name = self._sender.name
        if sender is None:
            with ExitStack() as undo:
                undo.callback(self._sender.close)
                self._lock = PadLock(re.sub(r"(:\d+)\.\d+$", r"\1", self.name), self.name)  # :0.0 is :0
                undo.push(self._lock)
                self._guardian = Guardian(display, self.key_names)
                undo.pop_all()

    def send(self, state: PadState) -> None:
        """Press and let go of what differs from the last call, in one write.

        :raises PadError: the keys are not taken; all are let go of as far as that goes
        """
        if self._closed:
            raise PadError(f"{self.name} is closed", remedy="open it again")
        wanted = self._mapping.pressed(state)
        if self._guardian is not None:
            wanted = self._allowed(wanted, self._guardian)
        if wanted == self._down:
            return
        up, down = sorted(self._down - wanted), sorted(wanted - self._down)
        self._down |= wanted  # until it is done, any of them may be down
        try:
            self._sender.put(up, down)
        except PadError:
            with suppress(PadError):
                self._let_go()
            raise
        self._down = wanted

    def close(self) -> None:
        """Let go of all keys.

        :raises PadError: the keyboard does not answer, so that some may still be down
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._down:
                self._let_go()
            self._sender.settle()
        finally:
            self._sender.close()
            if self._guardian is not None:
                self._guardian.close()
            if self._lock is not None:
                self._lock.close()

    def _allowed(self, wanted: frozenset[str], guardian: Guardian) -> frozenset[str]:
        """Return the keys that may be pressed now: none while nobody would let go of them after a crash.

        :raises PadError: nobody ever will
        """
        try:
            watching = guardian.watching
        except PadError:
            self._let_go()
            raise
        if guardian.has_let_go():
            self._let_go()
        return wanted if watching else frozenset()

    def _let_go(self) -> None:
        self._sender.put(sorted(self._down), ())
        self._down = frozenset()
