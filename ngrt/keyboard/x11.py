"""The keyboard of an X11 display: which keys are down, and presses of one's own through XTEST.

python-xlib waits for answers without end; here nothing waits longer than `PATIENCE`. Used from any thread.
"""

import select
import threading
from collections.abc import Iterable
from contextlib import suppress

from Xlib import XK, X
from Xlib.error import XError
from Xlib.protocol.request import QueryKeymap
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

    def check_presses(self) -> None:
        """Make sure that keys can be pressed.

        :raises ngrt.errors.NgrtError: they cannot
        """
        if not self._server.has_extension("XTEST"):
            raise self._failure(
                f"display {self.display} has no XTEST, so no keys can be pressed", remedy="use another X server"
            )

    def code(self, name: str) -> int:
        """Return the key code of a key by its name in `ngrt.keyboard.names`.

        :raises SettingsError: the layout has no such key
        """
        code = int(self._server.keysym_to_keycode(XK.string_to_keysym(name)))
        if not code:
            raise SettingsError(
                f"the keyboard of display {self.display} has no key {name}", remedy="choose another key"
            )
        return code

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

    def _wait(self, asked: QueryKeymap, patience: float) -> None:
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


def _answered(asked: QueryKeymap) -> bool:
    return hasattr(asked, "map")
