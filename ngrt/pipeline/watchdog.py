"""Notices that something hangs: not by the clock alone, for a machine that wakes from sleep has lost no time."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from ngrt.pipeline.groups import ungrouped

T = TypeVar("T")

CHECKS = 8
"""Checks in a row that must find nothing moving; a clock that jumps is one of them."""


class Hung(Exception):  # noqa: N818  (what hangs is said by who waited for it)
    """Raised by `unless_hung`."""


async def unless_hung(work: Callable[[], Awaitable[T]], seconds: float, quiet: Callable[[], bool] = lambda: True) -> T:
    """Return what ``work`` comes to; cancel it once ``quiet`` has been true at each check for ``seconds``.

    :raises Hung: it was cancelled
    """
    done: list[T] = []
    with ungrouped():
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                found = 0
                while found < CHECKS:
                    await anyio.sleep(seconds / CHECKS)
                    found = found + 1 if quiet() else 0
                tasks.cancel_scope.cancel()

            tasks.start_soon(watch)
            done.append(await work())
            tasks.cancel_scope.cancel()
    if not done:
        raise Hung
    return done[0]
