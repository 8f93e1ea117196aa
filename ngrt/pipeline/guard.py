"""Poll a guard many times a second, beside the tick: the tick reads the last verdict and never waits for one."""

import anyio
import anyio.abc

from ngrt.control.vetoes import Vetoes
from ngrt.interfaces import Watch
from ngrt.messages import Verdict
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.watchdog import CHECKS
from ngrt.pipeline.workers import Worker

INTERVAL = 0.01
"""Seconds between two polls: shorter than a key is down when it is tapped."""

STALL = 0.4
"""Seconds without an answer after which the policy must not play: nobody knows whether it may."""

NO_ANSWER = Verdict("blocked", "what guards the pad does not answer; pad neutral")


async def guard(
    watch: Watch,
    vetoes: Vetoes,
    worker: Worker,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Poll ``watch`` until cancelled, and keep its verdict in ``vetoes``.

    Counts as started with the first answer, or once that is overdue. Goes by the event loop's time, not the session's:
    the session's clock may stand still, but a person does not.

    :raises ngrt.interfaces.StoppedByPerson: a person wants the session to end
    :raises ngrt.errors.NgrtError: it cannot be watched any more
    """
    answer, overdue = vetoes.new_veto(), vetoes.new_veto()
    answers, started = 0, False

    def poll(now: float) -> None:
        answer.verdict = watch.poll(now)  # set in its own thread: the tick sees it even if the event loop is busy

    async def check_for_silence() -> None:
        seen, silent_checks = 0, 0
        while True:
            await anyio.sleep(STALL / CHECKS)
            # several checks in a row, for a machine that wakes from sleep: its clock's jump is only one check
            seen, silent_checks = answers, silent_checks + 1 if answers == seen else 0
            overdue.verdict = NO_ANSWER if silent_checks >= CHECKS else None
            if silent_checks >= CHECKS:
                report_started()

    def report_started() -> None:
        nonlocal started
        if not started:
            started = True
            task_status.started()

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(check_for_silence)
            while True:
                await worker.call(poll, anyio.current_time())
                answers += 1
                report_started()
                await anyio.sleep(INTERVAL)
