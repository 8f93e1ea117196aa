"""Ask a watch, many times a second, whether the policy may play: beside the tick, which never waits for the answer."""

import anyio

from ngrt.clock import Clock
from ngrt.interfaces import Watch
from ngrt.vetoes import Verdict, Vetoes
from ngrt.workers import Worker

INTERVAL = 0.01
"""Seconds between two looks: a key that is tapped is down for longer."""

STALL = 0.5
"""Seconds without an answer after which the policy may no longer play: nobody knows whether it should."""


async def guard(watch: Watch, vetoes: Vetoes, worker: Worker, clock: Clock) -> None:
    """Look until cancelled, and give ``vetoes`` what ``watch`` says.

    :raises ngrt.interfaces.StoppedByPerson: a person wants the session to end
    :raises ngrt.errors.NgrtError: it cannot be watched any more
    """
    who, answered = f"watch {id(watch)}", clock.now()

    def look(now: float) -> float:
        nonlocal answered
        vetoes.give(who, watch.look(now))
        answered = clock.now()
        return answered + INTERVAL

    async def doubt() -> None:
        while True:
            await anyio.sleep(STALL / 4)
            silent = clock.now() - answered > STALL
            vetoes.give(f"{who} hangs", Verdict("blocked", "what guards the pad does not answer") if silent else None)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doubt)
            await worker.pace(look, answered)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
