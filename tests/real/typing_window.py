"""A window that notes the keys that reach it, and what is down on its display."""

import time
from contextlib import suppress
from dataclasses import dataclass

from Xlib import XK, X
from Xlib.display import Display
from Xlib.error import ConnectionClosedError
from Xlib.protocol.event import KeyPress, KeyRelease

from ngrt.keyboard.names import KEYS
from tests.patience import until


@dataclass(frozen=True)
class Note:
    """A key that went down or up; ``seen``: when the window was told, as `time.perf_counter` has it."""

    key: str
    down: bool
    seen: float


class TypingWindow:
    """Covers the whole of ``display`` and takes all keys that are pressed there."""

    def __init__(self, display: str) -> None:
        self._display = Display(display)
        screen = self._display.screen()
        self._window = screen.root.create_window(
            0, 0, screen.width_in_pixels, screen.height_in_pixels, 0, screen.root_depth,
            event_mask=X.KeyPressMask | X.KeyReleaseMask,
        )  # fmt: skip
        self._window.map()
        self._display.sync()
        self._window.set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        self._display.sync()
        self._names = {self._display.keysym_to_keycode(XK.string_to_keysym(name)): name for name in KEYS}

    def notes(self) -> list[Note]:
        """Return what came since the last call, repeats of a key that is held left out."""
        self._display.sync()
        return [note for _ in range(self._display.pending_events()) if (note := self._next()) is not None]

    def next_press(self) -> Note:
        """Wait for the next key that goes down."""
        while (note := self._next()) is None or not note.down:
            pass
        return note

    def keys_down(self) -> set[str]:
        """Return which keys are down on the display."""
        keymap = self._display.query_keymap()
        return {name for code, name in self._names.items() if keymap[code // 8] >> code % 8 & 1}

    def wait_for_keys(self, *, some: bool) -> None:
        """Return once some key is down, or none is."""
        until(lambda: bool(self.keys_down()) == some, "no key goes down" if some else "a key stays down", 0.005)

    def close(self) -> None:
        """Disconnect; the server may be gone."""
        with suppress(ConnectionClosedError):
            self._display.close()

    def _next(self) -> Note | None:
        event = self._display.next_event()
        seen = time.perf_counter()
        if not isinstance(event, KeyPress | KeyRelease):
            return None
        return Note(self._names[event.detail], isinstance(event, KeyPress), seen)
