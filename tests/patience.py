"""How long tests wait for what should come: long enough for a slow or busy machine, so that only what hangs is found.

Imports nothing of ngrt or pytest: it is also used where importing takes seconds, in an emulated machine.
"""

import time
from collections.abc import Callable
from typing import TypeVar

HANG = 300.0
"""Seconds after which what has not come hangs. What must *not* come is never waited for that long."""

Sign = TypeVar("Sign")


def until(sign: Callable[[], Sign | None], what: str = "nothing came of it", pause: float = 0.01) -> Sign:
    """Return what ``sign()`` is as soon as that is neither None nor False, asked for every ``pause`` seconds.

    :raises AssertionError: it is not after `HANG` seconds: ``what``
    """
    deadline = time.monotonic() + HANG
    while (found := sign()) is None or found is False:
        assert time.monotonic() < deadline, what
        time.sleep(pause)
    return found
