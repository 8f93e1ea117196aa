"""Unwraps exception groups: the failure that ended a task group is raised, not the group around it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ngrt.interfaces import StoppedByPerson


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the failure that ended a task group in this block, not the group of it and what followed from it."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise first_failure(group) from group


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside ``group``; a `StoppedByPerson` only if there is no other.

    That a pad may not be neutral is more important than who ended the session.
    """
    _, failed = group.split(StoppedByPerson)
    error: BaseException = failed or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
