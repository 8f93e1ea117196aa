"""Work with a limit in time, written once: what hangs is left behind in a thread of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


class Late(Exception):  # noqa: N818  (whoever set the limit says what it means)
    """The time was over before the work was done."""


def within(
    seconds: float, work: Callable[[], Result], *, name: str, late: Callable[[Result], object] | None = None
) -> Result:
    """Return what ``work`` returns within ``seconds``, or raise what it raises, whatever that is.

    It runs in a daemon thread called ``name``, which does not keep the program from ending. ``late``: is handed what
    comes after the time, in that thread, to close it; what fails after the time, or in ``late``, nobody is told.

    :raises Late: it takes longer; it may still be going on
    """
    outcome = Future[Result]()
    threading.Thread(target=_run, args=(work, outcome, late), name=name, daemon=True).start()
    try:
        wait([outcome], seconds)
    finally:
        given_up = outcome.cancel()  # from here on a result is late; not where there is one already
    if given_up:
        raise Late(f"{name} has taken longer than {seconds:g} s")
    try:
        return outcome.result()
    finally:
        del outcome  # see `_run`


def _run(work: Callable[[], Result], outcome: Future[Result], late: Callable[[Result], object] | None) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  (raised in the thread that called)
        with suppress(InvalidStateError):  # nobody waits any more
            outcome.set_exception(error)
        del outcome  # an error that held itself would keep open, until garbage is collected, what it failed on
        return
    try:
        outcome.set_result(result)
    except InvalidStateError:  # nobody waits any more
        if late is not None:
            with suppress(Exception):
                late(result)
