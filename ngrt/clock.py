"""The session's time: a monotonic clock, and waiting for a deadline with less than a tick's jitter."""

import threading
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

SLICE = 0.05
"""Longest uninterrupted sleep in seconds, so that a stop is noticed soon."""

SPIN = 0.0005
"""Seconds before a deadline that are spun, not slept: a sleep may end this late even on an idle machine."""


class Clock(Protocol):
    """The time that the pipeline goes by; tests pass a virtual clock."""

    def now(self) -> float:
        """Return monotonic seconds."""


@runtime_checkable
class PausableClock(Clock, Protocol):
    """A clock that can stand still, and with it a game that goes by it."""

    def pause(self) -> None:
        """Stand still."""

    def resume(self) -> None:
        """Go on. Does nothing if the clock is running."""


class MonotonicClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.perf_counter()

    def wait_until(self, deadline: float, stop: threading.Event, spin: float = SPIN) -> bool:
        """Block this thread until ``deadline``, spinning the last ``spin`` seconds; return False if ``stop`` is set."""
        while (left := deadline - self.now()) > spin:
            if stop.is_set():
                return False
            # time.sleep has a high-resolution timer on Windows, Event.wait has not.
            time.sleep(min(left - spin, SLICE))
        while self.now() < deadline:
            pass
        return not stop.is_set()


class GameClock(MonotonicClock):
    """A game's time: the machine's time without the pauses.

    ``freeze`` and ``thaw`` are called when it stops and goes on, for a game that does not read this clock.
    """

    def __init__(
        self,
        freeze: Callable[[], None] = lambda: None,
        thaw: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._freeze, self._thaw, self._outside = freeze, thaw, now
        self._lost = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        """Return seconds of the game's time."""
        stopped = self._stopped
        return (self._outside() if stopped is None else stopped) - self._lost

    def pause(self) -> None:
        """Stand still, and freeze the game."""
        if self._stopped is None:
            self._freeze()
            self._stopped = self._outside()

    def resume(self) -> None:
        """Go on, and thaw the game."""
        if self._stopped is not None:
            self._thaw()
            self._lost += self._outside() - self._stopped
            self._stopped = None
