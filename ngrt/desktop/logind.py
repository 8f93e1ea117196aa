"""Whether the session is locked, as logind knows it from the desktop: `LockedHint`, asked over D-Bus (jeepney)."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from jeepney import DBusAddress, MessageType, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import DBusErrorResponse

from ngrt.clock import MonotonicClock
from ngrt.resource import Resource

EVERY, AGAIN = 0.25, 5.0
"""Seconds between two questions, and before the next one after nobody answered."""

PATIENCE = 0.3
"""Seconds that an answer may take."""

NAME, ROOT = "org.freedesktop.login1", "/org/freedesktop/login1"
MANAGER = DBusAddress(ROOT, NAME, f"{NAME}.Manager")
UNANSWERED = (OSError, TimeoutError, EOFError, ValueError, KeyError, DBusErrorResponse)
"""What jeepney raises where there is no bus, no logind or no answer."""


class LogindLocks(Resource):
    """Asks for the sessions that ``display`` (None: the one that $DISPLAY names) may belong to."""

    def __init__(self, display: str | None = None) -> None:
        self._display = display or os.environ.get("DISPLAY", "")
        self._clock, self._next = MonotonicClock(), -math.inf
        self._bus: DBusConnection | None = None
        self._sessions: list[str] = []
        self._locked = False
        self.found = self._ask()
        """Whether logind knew such a session when this was opened."""

    def reason(self, game: int | None) -> str | None:
        """Return why keys would not reach a game; what was answered lately is not asked again."""
        if self._clock.now() >= self._next:
            self._ask()
        return "the session is locked" if self._locked else None

    def close(self) -> None:
        """Disconnect. May be called twice."""
        if self._bus is not None:
            self._bus.close()
        self._bus, self._next = None, math.inf

    def _ask(self) -> bool:
        """Learn whether one of the sessions is locked; return whether there is one."""
        try:
            if self._bus is None:
                self._bus = open_dbus_connection("SYSTEM", auth_timeout=PATIENCE)
                self._sessions = list(dict.fromkeys(self._candidates(self._bus)))
            hints = [_hint(self._bus, path) for path in self._sessions]
        except UNANSWERED:
            if self._bus is not None:
                self._bus.close()
            self._bus, hints = None, []
        self._locked = any(hints)
        self._next = self._clock.now() + (EVERY if hints else AGAIN)
        return bool(hints)

    def _candidates(self, bus: DBusConnection) -> Iterator[str]:
        """Yield the paths of this process's own session, unless that has another display, and of the display's."""
        own = os.environ.get("XDG_SESSION_ID", "")
        questions: list[tuple[str, str, tuple[object, ...]]] = [("GetSession", "s", (own,))] if own else []
        questions.append(("GetSessionByPID", "u", (os.getpid(),)))
        paths = [f"{ROOT}/session/auto"]
        for question in questions:
            with suppress(DBusErrorResponse):
                paths.append(str(_answer(bus, *question)[0]))
        for path in reversed(paths):  # "auto" says the least
            shown_on = None
            with suppress(DBusErrorResponse):
                shown_on = _property(bus, path, "Display") or self._display
            if shown_on == self._display:
                yield path
                break
        with suppress(DBusErrorResponse):
            for session in _answer(bus, "ListSessions")[0]:
                if session[1] == user() and _property(bus, session[4], "Display") == self._display:
                    yield session[4]


def user() -> int:
    """Return the number of the user who runs this process; logind is on Linux alone."""
    if sys.platform == "win32":
        return -1
    else:
        return os.getuid()


def _hint(bus: DBusConnection, path: str) -> bool:
    return bool(_property(bus, path, "LockedHint"))


def _property(bus: DBusConnection, path: str, name: str) -> object:
    properties = Properties(DBusAddress(path, NAME, f"{NAME}.Session"))
    return _body(bus.send_and_get_reply(properties.get(name), timeout=PATIENCE))[0][1]


def _answer(bus: DBusConnection, method: str, signature: str | None = None, arguments: tuple[object, ...] = ()) -> Any:
    return _body(bus.send_and_get_reply(new_method_call(MANAGER, method, signature, arguments), timeout=PATIENCE))


def _body(reply: Any) -> Any:
    if reply.header.message_type is MessageType.error:
        raise DBusErrorResponse(reply)
    return reply.body
