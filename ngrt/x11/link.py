"""A connection to an X server through python-xlib that knows no other server's extensions."""

import os
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress

from Xlib.display import Display
from Xlib.error import xerror_class
from Xlib.protocol.display import Display as Shared
from Xlib.protocol.event import event_class
from Xlib.protocol.rq import Event
from Xlib.support import connect as connect_

from ngrt.deadline import Late, within
from ngrt.errors import NgrtError
from ngrt.x11.cookies import cookie_for

_OPENING = threading.Lock()
"""The tables are exchanged for all threads while one connects."""


def display_name(display: str | None, failure: type[NgrtError]) -> str:
    """Return ``display`` (such as ``:0``), the one that $DISPLAY names where it is None.

    :raises ngrt.errors.NgrtError: of the kind ``failure``; there is neither
    """
    name = display or os.environ.get("DISPLAY", "")
    if not name:
        raise failure("no display given and DISPLAY is not set", remedy="give one, such as --display :0")
    return name


def connect(
    name: str, patience: float, *, gone: Callable[[Exception], NgrtError], silent: Callable[[], NgrtError]
) -> Display:
    """Connect to the display ``name``, in a thread of its own: python-xlib waits without end for a server that hangs.

    :raises ngrt.errors.NgrtError: what ``gone`` makes of the error where the server cannot be reached; what ``silent``
        returns where it has let nobody in for ``patience`` seconds
    """
    try:
        return within(patience, lambda: open_link(name), name="ngrt-x11", late=end)
    except Late:
        raise silent() from None
    except Exception as error:  # a server may answer anything
        raise gone(error) from error


def cut(link: Display) -> None:
    """End the wait of whoever waits for an answer: the connection is over."""
    with suppress(OSError):
        link.display.socket.shutdown(socket.SHUT_RDWR)


def end(link: Display) -> None:
    """Disconnect without a word to the server, which may hang. May be called twice."""
    cut(link)
    link.display.socket.close()


def open_link(name: str) -> Display:
    """Connect to the display ``name``.

    Each server numbers its extensions as it likes, and python-xlib keeps the numbers once for all connections: a
    second server, such as XWayland beside Xvfb, would be read by the first one's. Here each connection has its own.

    :raises Xlib.error.DisplayError, Xlib.error.ConnectionClosedError, Xlib.error.XauthError, OSError: it cannot be
        reached
    """
    events: dict[int, type[Event] | dict[int, type[Event]]] = {**event_class}
    own = events, {**xerror_class}, dict[str, int]()
    with _OPENING:
        before = Shared.event_classes, Shared.error_classes, Shared.extension_major_opcodes
        Shared.event_classes, Shared.error_classes, Shared.extension_major_opcodes = own
        theirs, connect_.get_auth = connect_.get_auth, _cookie
        try:
            link = Display(name)
        except BaseException as error:
            _close_sockets(error)
            raise
        finally:
            Shared.event_classes, Shared.error_classes, Shared.extension_major_opcodes = before
            connect_.get_auth = theirs
    base = link.display
    base.event_classes, base.error_classes, base.extension_major_opcodes = own
    return link


def _cookie(sock: socket.socket, dname: object, protocol: object, host: object, dno: int) -> tuple[bytes, bytes]:
    """Return what python-xlib's own ``get_auth`` returns, for more kinds of cookies."""
    return cookie_for(sock, str(dno))


def _close_sockets(error: BaseException | None) -> None:
    """Close the sockets that python-xlib tried in vain; it leaves them open."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, Shared):
                    value = getattr(value, "socket", None)
                if isinstance(value, socket.socket):
                    value.close()
        error = error.__context__
