"""Time as the session sees it: a monotonic now, and waiting for a deadline with less than a tick's jitter."""

import threading
import time
from typing import Protocol

SLICE = 0.05
"""Longest uninterrupted sleep in seconds, so that a stop is noticed soon."""

SPIN = 0.0005
"""The tail before a deadline that is spun, not slept: a sleep may end this much late on an idle machine."""


class Clock(Protocol):
    """What the pipeline knows of time; tests pass a virtual one."""

    def now(self) -> float:
        """Return monotonic seconds."""


class MonotonicClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.perf_counter()

    def wait_until(self, deadline: float, stop: threading.Event) -> bool:
        """Block this thread until ``deadline``; return False if ``stop`` was set before it."""
        while (left := deadline - time.perf_counter()) > SPIN:
            if stop.is_set():
                return False
            # time.sleep has a high-resolution timer on Windows, Event.wait has not.
            time.sleep(min(left - SPIN, SLICE))
        while time.perf_counter() < deadline:
            pass
        return not stop.is_set()
