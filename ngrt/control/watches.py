"""What may take the pad from the policy: the game's window without the focus, a key, a person's own pad.

Each is polled in a thread of its own. It needs a desktop or keyboard that nobody else uses, and closes it.
"""

import math
from collections.abc import Callable

from ngrt.interfaces import Desktop, Keys, Locks, PersonPad, StoppedByPerson
from ngrt.messages import PadState, Verdict
from ngrt.resource import Resource

DEAD_ZONE = 0.25
"""How far a stick must be moved to count as used, of 1: worn sticks rest at up to 0.2."""

KEEP_DIFFERENT = 0.25
"""Seconds for which a window that belonged to another process is not asked about again."""

REST = 1.0
"""Seconds at rest after which a person's pad gives play back to the policy."""


class FocusGuard(Resource):
    """Keeps the pad neutral while the game does not have the focus: input would go to another window.

    ``window_number`` returns the number of the game's window, None while it has none. Another window of the same
    process counts as the game too: a launcher's child, or the one that a game swaps in when it goes fullscreen.
    """

    def __init__(self, desktop: Desktop, window_number: Callable[[], int | None], name: str) -> None:
        self._desktop, self._window_number = desktop, window_number
        self._gone = Verdict("blocked", f"{name} has no window; pad neutral")
        self._lost = Verdict("blocked", f"{name} lost the focus; pad neutral (--no-focus-guard plays on)")
        self._same: tuple[int, int] | None = None
        self._different: tuple[int, int] | None = None
        self._different_until = -math.inf

    def poll(self, now: float) -> Verdict | None:
        """Return a verdict that blocks, None while the game has the focus.

        :raises ngrt.errors.SourceError: the desktop is gone
        """
        game = self._window_number()
        if game is None:
            return self._gone
        focused = self._desktop.focused()
        if focused is not None and (focused == game or self._share_a_process(game, focused, now)):
            return None
        return self._lost

    def _share_a_process(self, game: int, focused: int, now: float) -> bool:
        """Return whether two windows belong to one process. The answer is kept: the desktop is slow to ask."""
        if self._different == (game, focused) and now < self._different_until:
            return False
        if self._same != (game, focused):
            one, other = self._desktop.window(game), self._desktop.window(focused)
            if one is None or other is None or one.pid is None or one.pid != other.pid:
                self._different, self._different_until = (game, focused), now + KEEP_DIFFERENT
                return False
            self._same = game, focused
        return True

    def close(self) -> None:
        """Let go of the desktop."""
        self._desktop.close()


class LockGuard(Resource):
    """Keeps the pad neutral while the session is locked: who has the focus is not who gets the keys then.

    ``window_number`` returns the number of the game's window, None while it is not known.
    """

    def __init__(self, locks: Locks, window_number: Callable[[], int | None]) -> None:
        self._locks, self._window_number = locks, window_number

    def poll(self, now: float) -> Verdict | None:
        """Return a verdict that blocks, None while the session is open.

        :raises ngrt.errors.SourceError: it cannot be told any more
        """
        reason = self._locks.reason(self._window_number())
        return None if reason is None else Verdict("blocked", f"{reason}; pad neutral")

    def close(self) -> None:
        """Let go of what is asked."""
        self._locks.close()


class PanicKey(Resource):
    """Ends the session as soon as a key is pressed. A key that is held from before must be let go first.

    :raises ngrt.errors.SettingsError: there is no such key
    """

    def __init__(self, keys: Keys, name: str) -> None:
        self._keys, self._name = keys, name
        self._was_down = keys.pressed(name)

    def poll(self, now: float) -> Verdict | None:
        """Return None.

        :raises ngrt.interfaces.StoppedByPerson: the key was pressed
        :raises ngrt.errors.SourceError: the keyboard cannot be read
        """
        was_down, self._was_down = self._was_down, self._keys.pressed(self._name)
        if self._was_down and not was_down:
            raise StoppedByPerson(f"stopped by {self._name}; the pad is neutral")
        return None

    def close(self) -> None:
        """Let go of the keyboard."""
        self._keys.close()


class TakeoverKey(Resource):
    """Makes the policy let go while a key is held: a person then plays with keyboard and mouse.

    :raises ngrt.errors.SettingsError: there is no such key
    """

    def __init__(self, keys: Keys, name: str) -> None:
        self._keys, self._name = keys, name
        self._held = Verdict("person", f"{name} is held: you play, the pad is neutral")
        keys.pressed(name)

    def poll(self, now: float) -> Verdict | None:
        """Return a verdict for the person while the key is held.

        :raises ngrt.errors.SourceError: the keyboard cannot be read
        """
        return self._held if self._keys.pressed(self._name) else None

    def close(self) -> None:
        """Let go of the keyboard."""
        self._keys.close()


class TakeoverPad(Resource):
    """Passes on what a person does with a real pad, from its first use until it has been at rest for `REST`."""

    def __init__(self, reader: PersonPad) -> None:
        self._reader = reader
        self._used = -math.inf
        self._name = reader.name

    def poll(self, now: float) -> Verdict | None:
        """Return a verdict with the person's state while the pad is used. Without a pad: the policy plays, with a note.

        :raises ngrt.errors.PadError: no pad can be read any more
        """
        state = self._reader.state()
        if state is None:
            self._used = -math.inf
            return Verdict("policy", f"{self._name or 'a real pad'} is not there to take over with; plug it in")
        self._name = self._reader.name
        if in_use(state):
            self._used = now
        if now - self._used > REST:
            return None
        return Verdict("person", f"{self._name} plays; the policy goes on when it is at rest", state)

    def close(self) -> None:
        """Let go of the pad."""
        self._reader.close()


def in_use(state: PadState) -> bool:
    """Return whether a person uses a pad: a button is pressed, or a stick is out of its dead zone."""
    return bool(state.buttons) or any(math.hypot(*stick) > DEAD_ZONE for stick in (state.left, state.right))
