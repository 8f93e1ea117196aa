"""A server on an X server's port that is none: it answers everybody with the same bytes, or not at all."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.patience import HANG

FIRST_PORT = 6000
"""Of display 0."""


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """Yield the display's name. ``answer`` is sent to whoever connects and has said something, if it is not empty."""
    guests: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                guest, _ = listening.accept()
            except OSError:  # closed
                return
            guests.append(guest)
            if answer:
                guest.recv(4096)
                guest.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1] - FIRST_PORT}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join(HANG)
            for guest in guests:
                guest.close()
