"""Notices that something hangs: not by the clock alone, for a machine that wakes from sleep has lost no time."""

from collections.abc import Callable

import anyio

CHECKS = 8
"""Looks in a row that must find nothing moving; a clock that jumps is one of them."""


async def watch(quiet: Callable[[], bool], seconds: float, scope: anyio.CancelScope, hung: anyio.Event) -> None:
    """Set ``hung`` and cancel ``scope`` once ``quiet`` has been so for ``seconds``."""
    found = 0
    while found < CHECKS:
        await anyio.sleep(seconds / CHECKS)
        found = found + 1 if quiet() else 0
    hung.set()
    scope.cancel()
