"""Keeps the screen from going blank while a game is played, whose pad no system counts as use."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from ngrt.errors import NgrtError
from ngrt.interfaces import Note
from ngrt.resource import Resource
from ngrt.text import one_line

ASKING = 1.0
"""Seconds between two looks at whether the game is played."""

HOLDING = 25.0
"""Seconds between two signs of life; a saver takes a minute at least, but for a test."""

PATIENCE = 1.0
"""Seconds that closing waits for a server that hangs."""


class Saver(Protocol):
    """A screen saver that can be held off."""

    def hold(self) -> None:
        """Hold it off, again and again."""

    def let_go(self) -> None:
        """Leave it to itself."""

    def close(self) -> None:
        """Let go for good."""


class Awake(Resource):
    """Holds off the saver that ``opens`` opens, from a thread of its own.

    ``note`` is told where that cannot be done; it ends no session.
    """

    def __init__(self, opens: Callable[[], Saver], note: Note) -> None:
        self._opens = opens
        self._played: Callable[[], bool] = lambda: True
        self._failed: list[Exception] = []
        self._stop, self._began = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ngrt-awake", daemon=True)
        self._thread.start()
        self._began.wait(PATIENCE)
        for error in self._failed:
            note(f"the screen saver cannot be held off ({one_line(error)}); switch it off while you play")

    def hold_while(self, played: Callable[[], bool]) -> None:
        """Hold it off while ``played`` says so only: a screen that nobody plays on may go blank, and lock itself."""
        self._played = played

    def close(self) -> None:
        """Leave the saver to itself. May be called twice."""
        self._stop.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            saver = self._opens()
            try:
                self._keep(saver)
            finally:
                saver.close()
        except (NgrtError, OSError, AttributeError) as error:
            self._failed.append(error)
        finally:
            self._began.set()

    def _keep(self, saver: Saver) -> None:
        left = 0.0
        while True:
            if not self._played():
                saver.let_go()
                left = 0.0
            elif left <= 0:
                saver.hold()
                left = HOLDING
            self._began.set()
            if self._stop.wait(ASKING):
                return
            left -= ASKING


def keep_awake(display: str | None, note: Note) -> Awake:
    """Keep the screen of ``display`` (Windows: of the session) awake until what this returns is closed."""
    if sys.platform != "win32" and os.environ.get("XDG_SESSION_TYPE") == "wayland":
        note("a Wayland session does not count a pad as use: switch off its screen saver while you play")
    return Awake(lambda: _saver(display), note)


def _saver(display: str | None) -> Saver:
    if sys.platform == "win32":
        from ngrt.win32.saver import Win32Saver

        return Win32Saver()
    else:
        from ngrt.x11.saver import X11Saver

        return X11Saver(display)
