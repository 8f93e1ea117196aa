"""A connection to an X server that may hang, die and come back, without taking the program with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from Xlib.display import Display

from ngrt.errors import SourceError
from ngrt.resource import Resource
from ngrt.text import one_line
from ngrt.x11.errors import LOST, unanswered
from ngrt.x11.link import connect, cut, display_name, end

CLOSING = 1.0
"""Seconds that closing waits for whoever is asking; they are told that the connection is over."""

PATIENCE = 5.0
"""Seconds that the server may take for an answer: one that changes the resolution is silent for a while."""


class X11Connection(Resource):
    """Connects to ``display`` (such as ``:0``; None: the one that $DISPLAY names), and again after it was lost.

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str | None = None) -> None:
        self.name = display_name(display, SourceError)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._display: Display | None = self._open()

    @contextmanager
    def talking(self) -> Iterator[Display]:
        """Hold the connection while the block asks the server; one thread at a time.

        :raises SourceError: the server is gone, or has not answered for `PATIENCE`
        """
        with self._lock:
            if self._closed.is_set():
                raise SourceError(f"display {self.name} was closed")
            display = self._display = self._display or self._open()
            hung = threading.Event()

            def give_up() -> None:
                hung.set()
                cut(display)

            watchdog = threading.Timer(PATIENCE, give_up)
            watchdog.daemon = True
            watchdog.start()
            try:
                yield display
            except LOST as error:
                self._display = None
                end(display)
                raise self._silent() if hung.is_set() else self._gone(error) from error
            finally:
                watchdog.cancel()
                if self._closed.is_set():
                    end(display)

    def close(self) -> None:
        """Disconnect. May be called twice, and while another thread waits for an answer, which then fails."""
        self._closed.set()
        display, self._display = self._display, None
        if display is not None:
            cut(display)
            if self._lock.acquire(timeout=CLOSING):  # else whoever holds it ends the connection
                end(display)
                self._lock.release()

    def _open(self) -> Display:
        return connect(self.name, PATIENCE, gone=self._gone, silent=self._silent)

    def _gone(self, error: Exception) -> SourceError:
        return SourceError(
            f"display {self.name} cannot be asked for its windows ({one_line(error)})",
            remedy=f"check DISPLAY and XAUTHORITY, or start an X server: Xvfb {self.name}",
        )

    def _silent(self) -> SourceError:
        return unanswered(self.name, PATIENCE)
