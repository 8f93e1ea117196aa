"""Work with a limit in time: its result, its error, or neither once the time is over."""

import gc
import threading
import weakref
from contextlib import suppress

import pytest

from ngrt.deadline import Late, within

SOON = 10.0
"""Seconds that nothing here takes."""

NOW = 0.01
"""Seconds that nobody here keeps within: what is worked on waits to be let go."""


def test_what_is_done_in_time_is_returned_from_a_daemon_thread_of_that_name() -> None:
    thread = within(SOON, threading.current_thread, name="ngrt-work")
    assert thread.name == "ngrt-work"
    assert thread.daemon
    assert thread is not threading.current_thread()


@pytest.mark.parametrize("kind", [LookupError, TimeoutError, SystemExit, KeyboardInterrupt])
def test_what_fails_in_time_raises_its_own_error(kind: type[BaseException]) -> None:
    failure = kind("inside")

    def fail() -> None:
        raise failure

    with pytest.raises(kind) as caught:
        within(SOON, fail, name="ngrt-work")
    assert caught.value is failure


def test_what_failed_keeps_nothing_open_once_its_error_is_forgotten() -> None:
    left: list[weakref.ref[threading.Event]] = []
    threads: list[threading.Thread] = []

    def fail() -> None:
        opened = threading.Event()
        left.append(weakref.ref(opened))
        threads.append(threading.current_thread())
        raise LookupError

    gc.disable()
    try:
        with suppress(LookupError):
            within(SOON, fail, name="ngrt-work")
        threads[0].join(SOON)
        assert left[0]() is None
    finally:
        gc.enable()


def test_what_takes_longer_is_left_behind_and_what_it_opens_is_closed() -> None:
    let_go, closed = threading.Event(), threading.Event()
    handed: list[str] = []

    def work() -> str:
        let_go.wait(SOON)
        return "a connection"

    def close(result: str) -> None:
        handed.append(result)
        closed.set()

    with pytest.raises(Late, match=r"ngrt-work has taken longer than 0\.01 s"):
        within(NOW, work, name="ngrt-work", late=close)
    assert not handed, "it is not there yet"
    let_go.set()
    assert closed.wait(SOON)
    assert handed == ["a connection"]


@pytest.mark.parametrize("kind", [LookupError, SystemExit])
def test_what_fails_late_is_not_told_of(kind: type[BaseException]) -> None:
    let_go, threads = threading.Event(), []

    def fail() -> None:
        threads.append(threading.current_thread())
        let_go.wait(SOON)
        raise kind("nobody asks any more")

    with pytest.raises(Late):
        within(NOW, fail, name="ngrt-work")
    let_go.set()
    threads[0].join(SOON)  # else pytest would tell of an error in a thread
    assert not threads[0].is_alive()


def test_what_is_late_and_cannot_be_closed_is_not_told_of_either() -> None:
    let_go, threads = threading.Event(), []

    def work() -> None:
        threads.append(threading.current_thread())
        let_go.wait(SOON)

    def close(result: None) -> None:
        raise OSError("gone already")

    with pytest.raises(Late):
        within(NOW, work, name="ngrt-work", late=close)
    let_go.set()
    threads[0].join(SOON)
    assert not threads[0].is_alive()


def test_what_comes_in_time_is_not_handed_to_late() -> None:
    handed: list[int] = []
    assert within(SOON, lambda: 5, name="ngrt-work", late=handed.append) == 5
    assert not handed


def test_every_result_is_either_returned_or_handed_over_however_close_it_is() -> None:
    handed: list[int] = []
    arrived = threading.Semaphore(0)

    def close(number: int) -> None:
        handed.append(number)
        arrived.release()

    returned = []
    for number in range(300):
        try:
            returned.append(within(0.0, lambda number=number: number, name="ngrt-work", late=close))  # type: ignore[misc]
        except Late:
            assert arrived.acquire(timeout=SOON)
    assert sorted(returned + handed) == list(range(300))
