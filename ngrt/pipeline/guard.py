"""Ask a watch, many times a second, whether the policy may play: beside the tick, which never waits for the answer."""

import anyio
import anyio.abc

from ngrt.control.vetoes import Vetoes
from ngrt.interfaces import Watch
from ngrt.messages import Verdict
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.watchdog import CHECKS
from ngrt.pipeline.workers import Worker

INTERVAL = 0.01
"""Seconds between two polls: a key that is tapped is down for longer."""

STALL = 0.4
"""Seconds without an answer after which the policy may no longer play: nobody knows whether it should."""

SILENCE = Verdict("blocked", "what guards the pad does not answer; pad neutral")


async def guard(
    watch: Watch,
    vetoes: Vetoes,
    worker: Worker,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Poll until cancelled, and say what ``watch`` says. Started with its first answer, or once that is overdue.

    Goes by the event loop's time, not by the session's: that may stand still, and a person may not.

    :raises ngrt.interfaces.StoppedByPerson: a person wants the session to end
    :raises ngrt.errors.NgrtError: it cannot be watched any more
    """
    said, silent = vetoes.voice(), vetoes.voice()
    answers, begun = 0, False

    def poll(now: float) -> None:
        said.verdict = watch.poll(now)  # in its own thread: the tick reads it at once, however busy the event loop is

    async def doubt() -> None:
        seen, found = 0, 0
        while True:
            await anyio.sleep(STALL / CHECKS)
            # a machine that wakes from sleep has lost no answers: its clock's jump is one check
            seen, found = answers, found + 1 if answers == seen else 0
            silent.verdict = SILENCE if found >= CHECKS else None
            if found >= CHECKS:
                begin()

    def begin() -> None:
        nonlocal begun
        if not begun:
            begun = True
            task_status.started()

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doubt)
            while True:
                await worker.call(poll, anyio.current_time())
                answers += 1
                begin()
                await anyio.sleep(INTERVAL)
