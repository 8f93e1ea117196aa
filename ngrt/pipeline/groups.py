"""What ended a task group is raised as itself: the failure, not the group around it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ngrt.interfaces import StoppedByPerson


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the failure that ended a task group within, instead of a group of it and what followed from it."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise first_failure(group) from group


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error inside a group that ended the session: the first, but a person's wish only if nothing failed.

    A pad that may not be neutral is more to know than who ended the session.
    """
    _, failed = group.split(StoppedByPerson)
    error: BaseException = failed or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
