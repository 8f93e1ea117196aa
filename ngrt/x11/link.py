"""A connection to an X server through python-xlib that knows no other server's extensions."""

import socket
import threading
import traceback

from Xlib.display import Display
from Xlib.error import xerror_class
from Xlib.protocol.display import Display as Shared
from Xlib.protocol.event import event_class
from Xlib.protocol.rq import Event

_OPENING = threading.Lock()
"""The tables are exchanged for all threads while one connects."""


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
        try:
            link = Display(name)
        except BaseException as error:
            _close_sockets(error)
            raise
        finally:
            Shared.event_classes, Shared.error_classes, Shared.extension_major_opcodes = before
    base = link.display
    base.event_classes, base.error_classes, base.extension_major_opcodes = own
    return link


def _close_sockets(error: BaseException | None) -> None:
    """Close the sockets that python-xlib tried in vain; it leaves them open."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, socket.socket):
                    value.close()
        error = error.__context__
