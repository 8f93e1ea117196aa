"""What python-xlib raises, and what becomes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from Xlib.error import ConnectionClosedError, DisplayConnectionError, DisplayError, XauthError, XError

from ngrt.errors import NgrtError, SourceError

LOST = (ConnectionClosedError, DisplayError, XauthError, OSError, AssertionError)
"""The server cannot be reached, goes away, or sends what python-xlib does not know (an assertion)."""

Answer = TypeVar("Answer")
Instead = TypeVar("Instead")

REFUSING = ("authoriz", "no protocol")
"""Parts of what X servers say to a user whom they do not let in; they have no code for it."""


@contextmanager
def map_xlib_errors(failure: Callable[[Exception], NgrtError]) -> Iterator[None]:
    """Raise what ``failure`` makes of the error where the server is lost, or refuses what the block asks for."""
    try:
        yield
    except (*LOST, XError) as error:
        raise failure(error) from error


def asked(ask: Callable[[], Answer], instead: Instead) -> Answer | Instead:
    """Return what the server answers, or ``instead`` where it refuses, as of a window that was closed meanwhile."""
    try:
        return ask()
    except XError:
        return instead


def unanswered(display: str, seconds: float) -> SourceError:
    """Return what to say of a server that has not answered for ``seconds``."""
    return SourceError(f"display {display} has not answered for {seconds:g} s", remedy="restart its X server")


def refuses_user(error: Exception) -> bool:
    """Return whether a server is there and does not let this user in."""
    said = str(error).lower()
    return isinstance(error, DisplayConnectionError | XauthError | OSError) and any(part in said for part in REFUSING)
