"""How ngrt ends when a signal says so: one way for every command, with exit code 130.

The first signal interrupts the main thread, or is told to the session that plays; what is open then closes, in
`ORDERLY` seconds at most. A second one, or a main thread that does not get to hear the first, ends ngrt at once: pads
are made neutral, what was found is printed, and the process is gone. A thread of its own watches over that, for Python
tells signals to the main thread alone, which may be deep in a library. Ctrl-Z makes pads neutral first.
"""

import atexit
import os
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, Protocol

from ngrt.deadline import within
from ngrt.resource import Resource

INTERRUPTED = 130

ENDING = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
)
"""Signals that end ngrt; `SIGBREAK` is Windows' own."""

SAME = 0.5
"""Seconds in which a second signal is the first one again: terminals, shells and service managers all send one."""

HEARING = 2.0
"""Seconds that the main thread may take to hear of a signal: a library may keep it from that."""

ORDERLY = 6.0
"""Seconds that everything may take to close."""

LAST = 1.0
"""Seconds that each thing may take that is done before ngrt ends at once."""

CHECK, LEAVING = 0.1, 0.5
"""Seconds between two looks at what becomes of a signal; seconds after which threads are left behind at the end."""


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread when a signal ends ngrt; nobody keeps it, so that its loss is noticed."""


class Still(Protocol):
    """What must be at rest while this process is stopped, and before it ends at once: a pad, a terminal."""

    def hold(self) -> None:
        """Be at rest until `go_on`, whatever other threads want. May be called twice."""

    def go_on(self) -> None:
        """Go on."""


_stills: list[Still] = []
_last: list[Callable[[], object]] = []
_minding: list["_Minding"] = []


@contextmanager
def minded() -> Iterator[None]:
    """Mind signals until the block ends. Inside another such block, and outside the main thread, it does nothing."""
    if _minding or threading.current_thread() is not threading.main_thread():
        yield
        return
    minding = _Minding()
    _minding.append(minding)
    try:
        yield
    finally:
        _minding.remove(minding)
        minding.close()


@contextmanager
def still(thing: Still) -> Iterator[None]:
    """Let ``thing`` be held before this process stops or ends at once, as long as the block lasts. The newest first."""
    _stills.append(thing)
    try:
        yield
    finally:
        _stills.remove(thing)


@contextmanager
def at_once(action: Callable[[], object]) -> Iterator[None]:
    """Call ``action``, in another thread, if ngrt must end at once while the block lasts. The newest comes first."""
    _last.append(action)
    try:
        yield
    finally:
        _last.remove(action)


def listen(told: Callable[[], object]) -> None:
    """From now on tell ``told`` of the first signal, in another thread, in place of interrupting the main thread."""
    for minding in _minding:
        minding.listen(told)


def came() -> bool:
    """Return whether a signal has come."""
    return any(minding.came.is_set() for minding in _minding)


def taken() -> None:
    """Note that the interrupt was caught where it should be."""
    for minding in _minding:
        minding.taken.set()


def finish(code: int) -> NoReturn:
    """End the process with ``code``, which nothing that comes now may change."""
    taken()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    for minding in _minding:
        minding.before.clear()  # as they are now they stay
    if not _flushed():
        code = code or 1
    watching = [minding.thread for minding in _minding]
    end = time.perf_counter() + LEAVING
    others = [one for one in threading.enumerate() if one is not threading.main_thread() and one not in watching]
    for thread in others:
        thread.join(max(0.0, end - time.perf_counter()))
    if any(thread.is_alive() for thread in others):  # one that is in a library's code would abort Python's own end
        with suppress(Exception):
            within(LAST, atexit._run_exitfuncs, name="ngrt-exit")
        os._exit(code)
    sys.exit(code)


class _Minding(Resource):
    """Hears signals in the main thread, and again in a thread that watches what comes of them."""

    def __init__(self) -> None:
        self.came, self.taken = threading.Event(), threading.Event()
        self._since: float | None = None
        self._told: Callable[[], object] | None = None
        self._raised: weakref.ref[Interrupted] | None = None
        self._lock = threading.Lock()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self.before: dict[int, object] = {}
        for number in ENDING:
            self._hear(number, self._interrupt)
        self._wakeup = -1
        if sys.platform != "win32":
            self._hear(signal.SIGTSTP, _noted)
            self._hear(signal.SIGCONT, _noted)
            self._hear(signal.SIGURG, self._again)
            self._wakeup = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        self._unraised, sys.unraisablehook = sys.unraisablehook, self._unraisable
        self.thread = threading.Thread(target=self._watch, name="ngrt-ending", daemon=True)
        self.thread.start()

    def _hear(self, number: int, handler: Callable[[int, FrameType | None], object]) -> None:
        """Handle a signal, unless somebody, such as nohup, has switched it off."""
        before = signal.getsignal(number)
        if before != signal.SIG_IGN and before is not None:
            self.before[number] = signal.signal(number, handler)

    def listen(self, told: Callable[[], object]) -> None:
        with self._lock:
            self._told, late = told, self.came.is_set()
        if late:
            told()

    def close(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if sys.platform != "win32":
            signal.set_wakeup_fd(self._wakeup)
        sys.unraisablehook = self._unraised
        self._mouth.close()
        self.thread.join(LEAVING)
        self._ear.close()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if sys.platform == "win32":  # an event loop has the only way by which a thread could be told there
            with suppress(OSError):
                self._mouth.send(bytes([number]))
        with self._lock:
            self.came.set()
            if self._told is not None or self._raised is not None:
                return
        self._raise()

    def _again(self, number: int, frame: FrameType | None) -> None:
        if self._is_lost():
            self._raise()

    def _raise(self) -> NoReturn:
        interrupt = Interrupted()
        self._raised = weakref.ref(interrupt)
        try:
            raise interrupt
        finally:
            del interrupt  # its traceback has this frame: it would keep itself

    def _is_lost(self) -> bool:
        """Return whether the interrupt was swallowed, as by what runs in a destructor, before it was caught."""
        return self._raised is not None and self._raised() is None and self._told is None and not self.taken.is_set()

    def _unraisable(self, problem: "sys.UnraisableHookArgs") -> None:
        if not isinstance(problem.exc_value, Interrupted):  # one of these is raised again
            self._unraised(problem)

    def _watch(self) -> None:
        while (numbers := self._next(None if self._since is None else CHECK)) is not None:
            if sys.platform != "win32" and numbers & {signal.SIGTSTP, signal.SIGCONT} == {signal.SIGTSTP}:
                numbers |= self._stand_still()
            if numbers & {*ENDING}:
                self._count()
            if self._since is not None:
                self._check(time.perf_counter() - self._since)

    def _next(self, patience: float | None) -> set[int] | None:
        """Return the signals that have come, none after ``patience`` seconds; None at the end."""
        self._ear.settimeout(patience)
        try:
            heard = self._ear.recv(64)
        except (TimeoutError, BlockingIOError):
            return set()
        except OSError:
            return None
        return set(heard) if heard else None

    def _count(self) -> None:
        now = time.perf_counter()
        if self._since is None:
            self._since = now
            with self._lock:
                self.came.set()
                told = self._told
            if told is not None:
                threading.Thread(target=told, name="ngrt-told", daemon=True).start()
        elif now - self._since > SAME:
            end_at_once()

    def _check(self, passed: float) -> None:
        """See what has become of the first signal in ``passed`` seconds."""
        unheard = self._told is None and self._raised is None
        if passed > ORDERLY or (unheard and passed > HEARING):
            end_at_once()
        if sys.platform != "win32" and self._is_lost():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)

    def _stand_still(self) -> set[int]:
        """Hold everything, stop this process, and go on when it is told to; return what was told meanwhile."""
        told = set[int]()
        if sys.platform != "win32":
            held = _hold_all()
            told = self._next(0.0) or told
            if not told & {signal.SIGCONT, *ENDING}:  # else it was told to go on before it stood still
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread must not run on by a hair
            for thing in held:
                thing.go_on()
        return told


def _noted(number: int, frame: FrameType | None) -> None:
    """Nothing: the thread that watches has it already."""


def end_at_once() -> NoReturn:
    """End the process now: pads neutral, what was found printed."""
    _hold_all()
    for action in (*reversed(_last), _flushed):
        with suppress(Exception):
            within(LAST, action, name="ngrt-last")
    os._exit(INTERRUPTED)


def _hold_all() -> list[Still]:
    held = _stills[::-1]
    for thing in held:
        with suppress(Exception):
            within(LAST, thing.hold, name="ngrt-hold")
    return held


def _flushed() -> bool:
    """Return whether all that was printed has gone where it should."""
    try:
        for stream in (sys.stderr, sys.stdout):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
