"""Whether what a library or the system raises means that memory, threads or open files have run out."""

import errno
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shortage:
    """What ran out: ``what`` happened, in words; ``remedy``: what helps; ``signs``: what errors of it say."""

    what: str
    remedy: str
    signs: tuple[str, ...]


MEMORY = Shortage(
    "there is not enough memory",
    "close other programs, or use a smaller engine (ngrt export CHECKPOINT --precision int8 --out DIR)",
    (
        "bad_alloc",
        "bad alloc",
        "cannot allocate memory",
        "can't allocate memory",
        "failed to allocate",
        "failed to map",
        "mmap failed",
        "out of memory",
        "out_of_memory",
        "outofmemory",
        "not enough memory",
        "insufficient memory",
        "unable to allocate",
    ),
)
THREADS = Shortage(
    "no more threads can be started",
    "close other programs, or raise the limit (ulimit -u, or the container's pids limit)",
    ("can't start new thread", "resource temporarily unavailable", "pthread_create", "thread constructor failed"),
)
FILES = Shortage(
    "too many files are open", "close other programs, or raise the limit (ulimit -n)", ("too many open files",)
)

BY_NUMBER = {errno.ENOMEM: MEMORY, errno.EAGAIN: THREADS, errno.EMFILE: FILES, errno.ENFILE: FILES}


def shortage(error: BaseException | str) -> Shortage | None:
    """Return what has run out, as ``error`` or its text says; None if it says nothing of the kind."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno in BY_NUMBER:
        return BY_NUMBER[error.errno]
    text = str(error).lower()
    found = (kind for kind in (THREADS, FILES, MEMORY) if any(sign in text for sign in kind.signs))
    return next(found, None)
