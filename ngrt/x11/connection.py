"""A connection to an X server that may hang, die and come back, without taking the program with it."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayError, XauthError, XError

from ngrt.errors import SourceError
from ngrt.x11.link import open_link

LOST = (ConnectionClosedError, DisplayError, XauthError, OSError, AssertionError)
"""What python-xlib raises where the server cannot be reached or goes away."""

CLOSING = 1.0
"""Seconds that closing waits for whoever is asking; they are told that the connection is over."""

PATIENCE = 5.0
"""Seconds that the server may take for an answer: one that changes the resolution is silent for a while."""


class X11Connection:
    """Connects to ``display`` (such as ``:0``; None: the one that $DISPLAY names), and again after it was lost.

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str | None = None) -> None:
        self.name = display or os.environ.get("DISPLAY", "")
        if not self.name:
            raise SourceError("no display given and DISPLAY is not set", remedy="give one, such as --display :0")
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
                _cut(display)

            watchdog = threading.Timer(PATIENCE, give_up)
            watchdog.daemon = True
            watchdog.start()
            try:
                yield display
            except LOST as error:
                self._display = None
                _end(display)
                raise self._silent() if hung.is_set() else self._gone(error) from error
            finally:
                watchdog.cancel()
                if self._closed.is_set():
                    _end(display)

    def close(self) -> None:
        """Disconnect. May be called twice, and while another thread waits for an answer, which then fails."""
        self._closed.set()
        display, self._display = self._display, None
        if display is not None:
            _cut(display)
            if self._lock.acquire(timeout=CLOSING):  # else whoever holds it ends the connection
                _end(display)
                self._lock.release()

    def _open(self) -> Display:
        """Connect in a thread of its own: python-xlib waits for a server that hangs without end."""
        opened: list[Display] = []
        failed: list[SourceError] = []
        given_up = threading.Event()

        def connect() -> None:
            try:
                opened.append(open_link(self.name))
            except (*LOST, XError) as error:
                failed.append(self._gone(error))  # not the error itself, which would keep the socket open
            if opened and given_up.is_set():
                _end(opened[0])

        connecting = threading.Thread(target=connect, name="ngrt-x11", daemon=True)
        connecting.start()
        connecting.join(PATIENCE)
        if failed:
            raise failed[0]
        if not opened:
            given_up.set()
            raise self._silent()
        return opened[0]

    def _gone(self, error: Exception) -> SourceError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return SourceError(
            f"display {self.name} cannot be asked for its windows ({reason})",
            remedy=f"check DISPLAY and XAUTHORITY, or start an X server: Xvfb {self.name}",
        )

    def _silent(self) -> SourceError:
        return SourceError(f"display {self.name} has not answered for {PATIENCE:g} s", remedy="restart its X server")


def _cut(display: Display) -> None:
    """End the wait of whoever waits for an answer: the connection is over."""
    with suppress(OSError):
        display.display.socket.shutdown(socket.SHUT_RDWR)


def _end(display: Display) -> None:
    _cut(display)
    display.display.socket.close()
