"""The keyboard of an X11 display: which keys are down, and presses of one's own through XTEST.

python-xlib waits for answers without end; here nothing waits longer than `PATIENCE`. Used from any thread.
"""

import select
import threading
from collections.abc import Iterable
from contextlib import suppress

from Xlib import XK, X
from Xlib.error import XError
from Xlib.protocol.request import QueryKeymap, QueryPointer
from Xlib.protocol.rq import Request

from ngrt.clock import MonotonicClock
from ngrt.errors import NgrtError, PadError, SettingsError
from ngrt.resource import Resource
from ngrt.text import one_line
from ngrt.x11.errors import LOST, map_xlib_errors
from ngrt.x11.link import connect, display_name

OPENING = 5.0
"""Seconds that a server may take to let a program in."""

PATIENCE = 5.0
"""Seconds after which a server that does not answer hangs: one that changes its display's mode is back before."""

GROUP = 13
"""Where the number of the layout in use begins in a state of keys and buttons."""

SETTLING = 1.0
"""Seconds that are waited for what was sent to be done: closing a pad may not take long."""


class X11Keyboard(Resource):
    """The keyboard of ``display`` (such as ``:0``; None: the one that $DISPLAY names).

    ``failure``: the kind of error that is raised, for who reads keys and who presses them are told apart.

    :raises ngrt.errors.NgrtError: of that kind; the display cannot be reached
    """

    def __init__(self, display: str | None, failure: type[NgrtError]) -> None:
        self.display = display_name(display, failure)
        self.lost = False
        """Whether the server is gone for good."""
        self._failure, self._clock, self._lock = failure, MonotonicClock(), threading.Lock()
        self._server = connect(self.display, OPENING, gone=self._gone, silent=self._hung)
        self._refused: list[XError] = []
        self._asked: tuple[QueryKeymap, float] | None = None
        self._server.set_error_handler(self._note)
        try:
            self._group = self._layout()
        except BaseException:
            self.close()
            raise

    def check_presses(self) -> None:
        """Make sure that keys can be pressed.

        :raises ngrt.errors.NgrtError: they cannot
        """
        if not self._server.has_extension("XTEST"):
            raise self._failure(
                f"display {self.display} has no XTEST, so no keys can be pressed", remedy="use another X server"
            )

    def code(self, name: str) -> int:
        """Return the code of the key that types what ``name`` in `ngrt.keyboard.names` says, with no other key held.

        Of the keypad, the key in that place: what it types is Num Lock's.

        :raises SettingsError: the layout in use has no such key, or only together with Shift, AltGr and the like
        """
        places = list(self._server.keysym_to_keycodes(XK.string_to_keysym(name)))
        keypad = name.startswith("KP_")
        code = next((code for code, place in places if keypad or self._is_bare(code, place)), None)
        if code is not None:
            return int(code)
        if places:
            raise SettingsError(
                f"the keyboard of display {self.display} types {name} only with another key held, such as Shift or "
                "AltGr, or in another layout",
                remedy="choose another key",
            )
        raise SettingsError(f"the keyboard of display {self.display} has no key {name}", remedy="choose another key")

    def _is_bare(self, code: int, place: int) -> bool:
        """Return whether what is at ``place`` of a key's symbols is typed by the key alone, in the layout in use."""
        group = self._group if self._group < 2 else 0  # others are not told of in this way
        return place == (2 * group if self._server.keycode_to_keysym(code, 2 * group) else 0)

    def _layout(self) -> int:
        """Return the number of the layout in use, of those that the keyboard is switched between."""
        with self._lock, map_xlib_errors(self._gone):
            asked = QueryPointer(self._server.display, defer=True, window=self._server.screen().root)
            self._wait(asked, PATIENCE)
        state: int = asked.mask
        return state >> GROUP & 3

    def down(self, patience: float | None = None) -> frozenset[int]:
        """Return the codes of all keys that are down, whoever presses them. ``patience``: `PATIENCE` if None.

        :raises ngrt.errors.NgrtError: the server is gone, or hangs
        """
        with self._lock, map_xlib_errors(self._gone):
            asked = QueryKeymap(self._server.display, defer=True)
            self._wait(asked, PATIENCE if patience is None else patience)
        keys: Iterable[int] = asked.map
        return frozenset(8 * place + bit for place, byte in enumerate(keys) for bit in range(8) if byte >> bit & 1)

    def put(self, up: Iterable[int], down: Iterable[int]) -> None:
        """Let go of the keys ``up``, press the keys ``down``, by their codes; does not wait for the server.

        :raises ngrt.errors.NgrtError: the server is gone, refuses, or has not answered for `PATIENCE`
        """
        with self._lock:
            with map_xlib_errors(self._gone):
                for code in up:
                    self._server.xtest_fake_input(X.KeyRelease, code)
                for code in down:
                    self._server.xtest_fake_input(X.KeyPress, code)
                if self._asked is None:  # a question that tells, later, whether the server is still there
                    self._asked = (QueryKeymap(self._server.display, defer=True), self._clock.now())
                self._server.pending_events()  # sends, and takes what has come
            asked, since = self._asked
            if _answered(asked):
                self._asked = None
            elif self._clock.now() - since > PATIENCE:
                raise self._hung()
            if self._refused:
                raise self._failure(
                    f"display {self.display} refuses keys ({one_line(self._refused[0])})", remedy="allow XTEST there"
                )

    def settle(self) -> None:
        """Return once the server has done all that it was sent.

        :raises ngrt.errors.NgrtError: the server is gone, or hangs
        """
        self.down(SETTLING)

    def close(self) -> None:
        """Disconnect. May be called twice. Keys that are down stay so."""
        with self._lock, suppress(*LOST, XError):
            self._server.close()

    def _wait(self, asked: QueryKeymap | QueryPointer, patience: float) -> None:
        end = self._clock.now() + patience
        self._server.pending_events()
        while not _answered(asked):
            if (left := end - self._clock.now()) <= 0:
                raise self._hung()
            select.select([self._server.fileno()], [], [], left)
            self._server.pending_events()

    def _note(self, error: XError, request: Request | None) -> None:
        self._refused.append(error)

    def _gone(self, error: Exception) -> NgrtError:
        self.lost = True
        return self._failure(
            f"the keyboard of display {self.display} cannot be reached ({one_line(error)})",
            remedy="check DISPLAY and XAUTHORITY, or start an X server there",
        )

    def _hung(self) -> NgrtError:
        pressed = "; keys may still be down there" if self._failure is PadError else ""
        return self._failure(f"the X server of display {self.display} has not answered{pressed}", remedy="restart it")


def _answered(asked: QueryKeymap | QueryPointer) -> bool:
    return hasattr(asked, "sequence_number")
