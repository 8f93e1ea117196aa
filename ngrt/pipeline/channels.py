"""A channel that holds one message: a newer one replaces it, and replaced ones are counted."""

import threading
from typing import Generic, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

from ngrt.resource import Resource

T = TypeVar("T")


class Latest(Resource, Generic[T]):
    """Passes on the newest message. ``sent`` counts all, ``replaced`` those that were never taken.

    Construct it inside the event loop. ``put``, ``take`` and ``close`` may be called from any thread; ``receive``
    awaits.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.replaced = 0
        self.closed = False
        self._lock = threading.Lock()
        self._item: T | None = None
        self._token = anyio.lowlevel.current_token()
        self._loop_thread = threading.get_ident()
        self._waiting: anyio.Event | None = None

    def put(self, item: T) -> None:
        """Make ``item`` the next message to be received."""
        with self._lock:
            self.sent += 1
            self.replaced += self._item is not None
            self._item = item
            waiting, self._waiting = self._waiting, None
        self._wake(waiting)

    def take(self) -> T | None:
        """Return the message, or None if there is none. Never waits."""
        with self._lock:
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Say that no more messages come. The one that is in the channel can still be received."""
        with self._lock:
            self.closed = True
            waiting, self._waiting = self._waiting, None
        self._wake(waiting)

    async def receive(self) -> T:
        """Wait for a message.

        :raises anyio.EndOfStream: the channel is closed and empty
        """
        await anyio.lowlevel.checkpoint()
        while True:
            with self._lock:
                item, self._item = self._item, None
                if item is not None:
                    return item
                if self.closed:
                    raise anyio.EndOfStream
                waiting = self._waiting = anyio.Event()
            await waiting.wait()

    def _wake(self, waiting: anyio.Event | None) -> None:
        if waiting is None:
            return
        if threading.get_ident() == self._loop_thread:
            waiting.set()
        else:
            anyio.from_thread.run_sync(waiting.set, token=self._token)
