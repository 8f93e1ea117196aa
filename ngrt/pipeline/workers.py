"""Where blocking work runs: one thread a device, so that a driver sees one thread and the event loop never blocks.

Tests pass `InlineWorker` to play in virtual time: it calls on the event loop, and only the loop's clock moves.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar, TypeVarTuple

import anyio
import anyio.from_thread
import anyio.lowlevel

from ngrt.clock import SPIN, Clock, MonotonicClock
from ngrt.resource import Resource

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Body = Callable[[float], float | None]
"""Work done at a deadline: takes the time of the call, returns the next deadline, or None to end."""

PATIENCE = 2.0
"""Seconds that a cancelled worker may take before it is left behind: a driver that hangs must not keep keys pressed."""


class Worker(Protocol):
    """Runs blocking work for one device."""

    @property
    def stuck(self) -> bool:
        """Whether work that was left behind still runs: the next call waits until it ends."""

    async def call(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run ``work`` and return what it returns, or raise what it raises."""

    async def pace(self, body: Body, first: float) -> None:
        """Call ``body`` at ``first``, then at every deadline it returns, until it returns None."""

    def close(self) -> None:
        """End the worker, without waiting for its present work."""


class ThreadWorker(Resource):
    """A thread of its own, started with the first call.

    ``spin``: seconds before a deadline that are spun, not slept, which keeps a core busy for that time.
    """

    def __init__(self, name: str, clock: MonotonicClock | None = None, spin: float = SPIN) -> None:
        self._clock = clock or MonotonicClock()
        self._spin = spin
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=f"ngrt-{name}", daemon=True)
        self._left_behind: anyio.Event | None = None

    @property
    def stuck(self) -> bool:
        """Whether work that was left behind still runs."""
        return self._left_behind is not None and not self._left_behind.is_set()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    async def call(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run ``work`` in the thread. When cancelled, wait for it to end, but no longer than `PATIENCE`."""
        return await self._do(lambda: work(*args), _nothing)

    async def pace(self, body: Body, first: float) -> None:
        """Call ``body`` at its deadlines in the thread. When cancelled, wait for the present call to end."""
        stop = threading.Event()

        def loop() -> None:
            deadline: float | None = first
            while deadline is not None and self._clock.wait_until(deadline, stop, self._spin):
                deadline = body(self._clock.now())

        await self._do(loop, stop.set)

    async def _do(self, work: Callable[[], T], on_cancel: Callable[[], None]) -> T:
        if not self._thread.is_alive():
            self._thread.start()
        token, done = anyio.lowlevel.current_token(), anyio.Event()
        result: list[T] = []
        failure: list[BaseException] = []

        def job() -> None:
            try:
                result.append(work())
            except BaseException as error:  # noqa: BLE001  (raised again in the task that called)
                failure.append(error)
            with suppress(anyio.RunFinishedError):  # the event loop ended first: nobody waits any more
                anyio.from_thread.run_sync(done.set, token=token)

        self._jobs.put(job)
        try:
            await done.wait()
        except anyio.get_cancelled_exc_class():
            on_cancel()
            with anyio.move_on_after(0 if self.stuck else PATIENCE, shield=True):
                await done.wait()  # a device in use must not be closed
            self._left_behind = self._left_behind if self.stuck else done
            raise
        if failure:
            raise failure[0]
        return result[0]

    def close(self) -> None:
        """Let the thread end after its present work."""
        self._jobs.put(None)


def _nothing() -> None:
    pass


class InlineWorker(Resource):
    """Calls on the event loop; each call takes ``cost()`` seconds of the loop's (virtual) time.

    ``clock``: the clock that deadlines are on; the loop's own if None.
    """

    stuck = False

    def __init__(self, cost: Callable[[], float] = lambda: 0.0, clock: Clock | None = None) -> None:
        self._cost = cost
        self._now = clock.now if clock is not None else anyio.current_time

    async def call(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run ``work`` here, then let its cost pass."""
        result = work(*args)
        await anyio.sleep(self._cost())
        return result

    async def pace(self, body: Body, first: float) -> None:
        """Call ``body`` at its deadlines on the loop's clock."""
        deadline: float | None = first
        while deadline is not None:
            await anyio.sleep(max(0.0, deadline - self._now()))
            deadline = body(max(deadline, self._now()))  # sums of floats may end a hair early
            await anyio.sleep(self._cost())

    def close(self) -> None:
        """Nothing to end."""
