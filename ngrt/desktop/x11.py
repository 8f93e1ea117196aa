"""The windows of an X11 display, with a window manager (EWMH) or without one, under Wine and Proton too."""

from dataclasses import dataclass

from Xlib import X
from Xlib.display import Display

from ngrt.desktop.x11_clients import clients_in, is_client
from ngrt.desktop.x11_windows import describe, numbers_of, owner_pids, resource
from ngrt.interfaces import Window
from ngrt.resource import Resource
from ngrt.x11.connection import X11Connection
from ngrt.x11.errors import asked


class X11Desktop(Resource):
    """The windows of ``display`` (such as ``:0``; None: the one that $DISPLAY names).

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str | None = None) -> None:
        self._connection = X11Connection(display)

    def windows(self) -> list[Window]:
        """Return every window at the top level, the one in front first.

        :raises SourceError: the display is gone or does not answer
        """
        with self._connection.talking() as display:
            numbers = _top_level(display)
            pids = owner_pids(display, numbers)
            found = [describe(display, number, pids.get(number)) for number in numbers]
        return [window for window in found if window is not None]

    def window(self, number: int) -> Window | None:
        """Return a window as it is now, None once it is closed.

        :raises SourceError: the display is gone or does not answer
        """
        with self._connection.talking() as display:
            return describe(display, number, owner_pids(display, [number]).get(number))

    def focused(self) -> int | None:
        """Return the number of the window that the keyboard goes to, None where none has it.

        :raises SourceError: the display is gone or does not answer
        """
        with self._connection.talking() as display:
            return asked(lambda: _focused(display), None)

    def close(self) -> None:
        """Disconnect. May be called twice."""
        self._connection.close()


@dataclass(frozen=True)
class _Manager:
    """A window manager: what it manages, the one in front first, and the window by which it makes itself known."""

    clients: list[int]
    check: int


def _manager(display: Display) -> _Manager | None:
    root = display.screen().root
    check = next(iter(numbers_of(display, root, "_NET_SUPPORTING_WM_CHECK")), 0)
    named = asked(lambda: numbers_of(display, resource(display, check), "_NET_SUPPORTING_WM_CHECK"), None)
    if named != [check]:  # there is none, or it has ended and left its properties behind
        return None
    stacked = numbers_of(display, root, "_NET_CLIENT_LIST_STACKING") or numbers_of(display, root, "_NET_CLIENT_LIST")
    if not stacked and root.get_full_property(display.get_atom("_NET_CLIENT_LIST"), X.AnyPropertyType) is None:
        return None  # it speaks of itself, but not of its windows
    return _Manager(stacked[::-1], check)


def _top_level(display: Display) -> list[int]:
    """Return the numbers of what may be a window for people, the one in front first."""
    children = [child.id for child in reversed(display.screen().root.query_tree().children)]
    manager = _manager(display)
    if manager is None:
        return [client for number in children for client in clients_in(display, number) or [number]]
    # A game may pass the manager by for full screen. Frames do so too: they hold a client.
    frames = {path[-1] for client in manager.clients if (path := _path(display, client))}
    passing = [number for number in children if number not in frames and _passes_manager(display, number, manager)]
    return [*passing, *manager.clients]


def _passes_manager(display: Display, number: int, manager: _Manager) -> bool:
    """Return whether a program shows this window itself, without asking the manager, whose own it is not either."""
    attributes = asked(resource(display, number).get_attributes, None)
    if attributes is None:
        return False
    is_managers = not (number ^ manager.check) & ~display.display.info.resource_id_mask
    return bool(attributes.override_redirect) and attributes.map_state == X.IsViewable and not is_managers


def _focused(display: Display) -> int | None:
    focus = display.get_input_focus().focus
    if focus == X.NONE:
        return None
    path = _path(display, _under_pointer(display) if focus == X.PointerRoot else focus.id)
    manager = _manager(display)
    if manager is None or not path:
        return _client_of(display, path) if path else None
    clients = set(manager.clients)
    if client := next((number for number in path if number in clients), None):
        return client
    # Some managers give the focus to their frame. While windows are switched, it is a window of the manager's own.
    active = numbers_of(display, display.screen().root, "_NET_ACTIVE_WINDOW")
    if active and path[-1:] == _path(display, active[0])[-1:]:
        return active[0]
    return path[-1] if _passes_manager(display, path[-1], manager) else None


def _client_of(display: Display, path: list[int]) -> int:
    """Return the window that has the focus, which is at the start of ``path``, where no manager speaks EWMH."""
    if (client := next((number for number in path[::-1] if is_client(display, number)), None)) is not None:
        return client
    clients = clients_in(display, path[-1])  # old managers may give the focus to their frame, which has one client
    return clients[0] if len(clients) == 1 else path[-1]


def _under_pointer(display: Display) -> int:
    """Return the innermost window under the pointer, which has the focus where it follows the pointer."""
    window = display.screen().root
    while child := window.query_pointer().child:
        window = child
    return int(window.id)


def _path(display: Display, number: int) -> list[int]:
    """Return ``number`` and its parents up to the one at the top level; nothing for the root and for closed windows."""
    root, path = display.screen().root.id, []
    while number != root:
        path.append(number)
        tree = asked(resource(display, number).query_tree, None)
        if tree is None or not tree.parent:
            return []
        number = tree.parent.id
    return path
