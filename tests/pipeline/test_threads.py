"""The same pipeline on real threads and asyncio, as it runs for a person."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import anyio
import pytest
from blockbuster import BlockingError, blockbuster_ctx

import ngrt.pipeline.workers
from ngrt.clock import MonotonicClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.errors import PadError
from ngrt.interfaces import StoppedByPerson
from ngrt.messages import NEUTRAL, STILL, PadState, Verdict
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.infer import MeasuredPolicy
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.workers import ThreadWorker
from tests.patience import HANG
from tests.pipeline.rig import Screen, always_south

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _never_blocked() -> Iterator[None]:
    """Fail where anything on the event loop's thread sleeps, reads or waits."""
    with blockbuster_ctx():
        yield


async def test_what_blocks_the_event_loop_is_found() -> None:
    with pytest.raises(BlockingError):
        time.sleep(0.001)


class Log:
    """A pad that keeps what it is sent."""

    name = "log"
    rumble = STILL

    def __init__(self) -> None:
        self.states: list[PadState] = []
        self.threads: set[str] = set()

    def send(self, state: PadState) -> None:
        self.states.append(state)
        self.threads.add(threading.current_thread().name)

    def close(self) -> None:
        """Nothing to close."""


def session(pad: Log, control: Control) -> Session:
    clock = MonotonicClock()
    return Session(
        Screen(),
        MeasuredPolicy(always_south, 16, 0.01),
        Context(1, 0.3),
        pad,
        control,
        Merging(),
        clock,
        lambda name: ThreadWorker(name, clock),
    )


async def test_a_session_on_threads_plays_every_tick_and_ends_neutral() -> None:
    pad = Log()
    parts = session(pad, Control(rate=100, ticks=50))
    await run(parts)
    readings = parts.telemetry.read()
    assert readings.played + readings.held + readings.neutral + readings.missed == 50
    assert readings.played > 0
    assert pad.states[-1] == NEUTRAL


async def test_the_pad_is_driven_by_one_thread_that_is_not_the_event_loops() -> None:
    pad = Log()
    await run(session(pad, Control(rate=100, ticks=10)))
    assert pad.threads == {"ngrt-actuate"}


async def test_a_cancelled_session_on_threads_ends_neutral_and_at_once() -> None:
    pad = Log()
    with anyio.move_on_after(0.3):
        await run(session(pad, Control(rate=100)))
    count = len(pad.states)
    assert pad.states[-1] == NEUTRAL
    await anyio.sleep(0.05)
    assert len(pad.states) == count


async def test_a_worker_does_all_its_work_in_one_thread() -> None:
    worker = ThreadWorker("test")
    names = {(await worker.call(threading.current_thread)).name for _ in range(5)}
    worker.close()
    assert names == {"ngrt-test"}


async def test_an_error_in_a_worker_is_raised_where_it_was_called() -> None:
    worker = ThreadWorker("test")
    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda: 1 / 0)
    assert await worker.call(lambda: 7) == 7
    worker.close()


async def test_a_device_that_hangs_is_left_behind_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrt.pipeline.workers, "PATIENCE", 0.1)
    release = threading.Event()
    worker = ThreadWorker("hung")

    def hang(now: float) -> float:
        release.wait(HANG)
        return now

    start = time.perf_counter()
    with anyio.move_on_after(0.05):
        await worker.pace(hang, start)
    assert not release.is_set()
    assert time.perf_counter() - start < HANG
    release.set()
    worker.close()


class Watcher:
    """A watch that says what it is told to, from a thread of its own."""

    def __init__(self) -> None:
        self.says: Verdict | Exception | None = None
        self.threads: set[str] = set()
        self.release = threading.Event()
        self.release.set()

    def poll(self, now: float) -> Verdict | None:
        self.threads.add(threading.current_thread().name)
        self.release.wait(HANG)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def close(self) -> None:
        """Nothing to close."""


def guarded(pad: Log, control: Control, *watches: Watcher) -> Session:
    return replace(session(pad, control), watches=watches)


async def until(said: Callable[[], bool]) -> None:
    """Wait until it is so; a test's own limit ends it."""
    while not said():
        await anyio.sleep(0.005)


async def test_on_threads_each_watch_has_its_own_and_what_it_says_reaches_the_pad_and_is_taken_back() -> None:
    pad, first, second = Log(), Watcher(), Watcher()
    east = PadState(frozenset({"EAST"}))
    south = always_south([]).pad(0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, guarded(pad, Control(rate=100), first, second))
        await until(lambda: pad.states[-1:] == [south])
        second.says = Verdict("person", "a person plays", east)
        await until(lambda: pad.states[-1] == east)
        first.says = Verdict("blocked", "lost the focus")
        await until(lambda: pad.states[-1] == NEUTRAL)
        first.says = None
        await until(lambda: pad.states[-1] == east)
        second.says = None
        await until(lambda: pad.states[-1] == south)
        tasks.cancel_scope.cancel()
    assert first.threads == {"ngrt-guard-0"}
    assert second.threads == {"ngrt-guard-1"}
    assert pad.states[-1] == NEUTRAL


async def test_on_threads_a_watch_that_hangs_blocks_the_pad_and_neither_other_watches_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ngrt.pipeline.workers, "PATIENCE", 0.1)
    pad, hung, panic = Log(), Watcher(), Watcher()
    parts = guarded(pad, Control(rate=100), hung, panic)

    async def hang_then_panic() -> None:
        await until(lambda: any(state != NEUTRAL for state in pad.states))
        hung.release.clear()
        await until(lambda: parts.telemetry.read().blocked > 10)
        panic.says = StoppedByPerson("stopped by F12")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hang_then_panic)
        with pytest.raises(StoppedByPerson):
            await run(parts)
    assert pad.states[-1] == NEUTRAL
    assert not hung.release.is_set()
    hung.release.set()


class HungPad(Log):
    """A pad whose driver does not return after some calls, until it is told to."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls = calls
        self.release = threading.Event()

    def send(self, state: PadState) -> None:
        super().send(state)
        if len(self.states) == self.calls:
            self.release.wait(HANG)


@pytest.fixture
def hung_pad(monkeypatch: pytest.MonkeyPatch) -> Iterator[HungPad]:
    for module in ("ngrt.pipeline.workers", "ngrt.pipeline.actuate"):
        monkeypatch.setattr(f"{module}.PATIENCE", 0.2)
    pad = HungPad(calls=10)
    yield pad
    pad.release.set()


async def test_a_pad_that_hangs_ends_the_session_at_its_time_and_says_that_it_may_not_be_neutral(
    hung_pad: HungPad,
) -> None:
    start = time.perf_counter()
    with pytest.raises(PadError, match="may not be neutral"):
        await run(session(hung_pad, Control(rate=100, ticks=50)))
    assert time.perf_counter() - start < HANG
    assert not hung_pad.release.is_set()


async def test_a_pad_that_hangs_when_interrupted_is_told_and_made_neutral_should_it_come_back(
    hung_pad: HungPad,
) -> None:
    with anyio.move_on_after(0.3), pytest.raises(PadError, match="may not be neutral"):
        await run(session(hung_pad, Control(rate=100)))
    hung_pad.release.set()
    with anyio.fail_after(HANG):
        await until(lambda: hung_pad.states[-1] == NEUTRAL)
    assert hung_pad.states[-1] == NEUTRAL


async def test_a_channel_wakes_its_receiver_from_another_thread() -> None:
    channel = Latest[int]()
    worker = ThreadWorker("sender")
    received: list[int] = []

    async def receive() -> None:
        with suppress(anyio.EndOfStream):
            while True:
                received.append(await channel.receive())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        for number in range(20):
            await worker.call(channel.put, number)
        await worker.call(channel.close)
    worker.close()
    assert received[-1] == 19
    assert channel.sent == len(received) + channel.replaced == 20


async def test_a_channel_keeps_the_latest_and_counts_the_rest() -> None:
    channel = Latest[str]()
    for item in "abc":
        channel.put(item)
    channel.close()
    assert (channel.take(), channel.take()) == ("c", None)
    assert (channel.sent, channel.replaced) == (3, 2)
