"""Notices that something hangs. Not by the clock alone: while a machine sleeps, its clock goes on but nothing hangs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from ngrt.pipeline.groups import ungrouped

T = TypeVar("T")

CHECKS = 8
"""Checks in a row that must find no progress; a clock that jumps makes only one of them come early."""


class Hung(Exception):  # noqa: N818  (the caller says what hangs)
    """Raised by `unless_hung`."""


async def unless_hung(
    work: Callable[[], Awaitable[T]], seconds: float, no_progress: Callable[[], bool] = lambda: True
) -> T:
    """Return the result of ``work``; cancel it once ``no_progress`` has been true at every check for ``seconds``.

    :raises Hung: it was cancelled
    """
    done: list[T] = []
    with ungrouped():
        async with anyio.create_task_group() as tasks:

            async def cancel_if_hung() -> None:
                checks = 0
                while checks < CHECKS:
                    await anyio.sleep(seconds / CHECKS)
                    checks = checks + 1 if no_progress() else 0
                tasks.cancel_scope.cancel()

            tasks.start_soon(cancel_if_hung)
            done.append(await work())
            tasks.cancel_scope.cancel()
    if not done:
        raise Hung
    return done[0]
