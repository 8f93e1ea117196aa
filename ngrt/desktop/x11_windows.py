"""What an X server tells of one window: its place, title, owner, and what a window manager says of it (EWMH)."""

import re
from collections.abc import Sequence

import psutil
from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.ext.res import LocalClientPIDMask
from Xlib.xobject.drawable import Window as XWindow

from ngrt.desktop.processes import other_names, process_name
from ngrt.interfaces import Window
from ngrt.x11.errors import asked

HELPERS = frozenset(
    f"_NET_WM_WINDOW_TYPE_{kind}"
    for kind in (
        *("DESKTOP", "DOCK", "TOOLBAR", "MENU", "UTILITY", "SPLASH"),
        *("DROPDOWN_MENU", "POPUP_MENU", "TOOLTIP", "NOTIFICATION", "COMBO", "DND"),
    )
)
"""What no game is in."""

ESCAPES = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
"""What compound text has before letters of another alphabet."""

ALL_WORKSPACES = 0xFFFFFFFF
BYTES, NUMBERS = 8, 32
"""Formats of a property."""


def resource(display: Display, number: int) -> XWindow:
    """Return the library's object for window ``number``, which need not exist."""
    return display.create_resource_object("window", number)


def numbers_of(display: Display, window: XWindow, name: str) -> list[int]:
    """Return the numbers (cardinals, atoms or windows) in a property, none where it is not set."""
    found = window.get_full_property(display.get_atom(name), X.AnyPropertyType)
    return [int(value) for value in found.value] if found is not None and found.format == NUMBERS else []


def describe(display: Display, number: int, pid: int | None) -> Window | None:
    """Return what window ``number`` is now, None where it is closed or could never show anything."""
    return asked(lambda: _described(display, number, pid), None)


def _described(display: Display, number: int, pid: int | None) -> Window | None:
    window = resource(display, number)
    attributes, size = window.get_attributes(), window.get_geometry()
    if attributes.win_class == X.InputOnly:
        return None
    origin = size.root.translate_coords(window, 0, 0)
    states = numbers_of(display, window, "_NET_WM_STATE")
    hidden = display.get_atom("_NET_WM_STATE_HIDDEN") in states or _is_on_hidden_workspace(display, window, size.root)
    return Window(
        number=number,
        title=_title(display, window),
        pid=pid,
        process=("" if pid is None else process_name(pid)) or _class(display, window),
        left=origin.x,
        top=origin.y,
        width=size.width,
        height=size.height,
        shown=attributes.map_state == X.IsViewable and not hidden,
        helper=_is_helper(display, window, states, size.root.id),
        also=() if pid is None else other_names(pid),
    )


def owner_pids(display: Display, numbers: Sequence[int]) -> dict[int, int]:
    """Return the ids of the processes that own windows, by the windows' numbers.

    What the server knows (X-Resource) comes first: the number that a program in a container gives for itself means
    another process out here.
    """
    known = _pids_by_server(display, numbers)
    found: dict[int, int] = {}
    for number in numbers:
        pid = known.get(number)
        if pid is None or not psutil.pid_exists(pid):  # whoever connected may have left the window to its child
            pid = _pid_by_property(display, number) or pid
        if pid is not None:
            found[number] = pid
    return found


def _pids_by_server(display: Display, numbers: Sequence[int]) -> dict[int, int]:
    if not numbers or not display.has_extension("X-Resource"):
        return {}
    mask = ~display.display.info.resource_id_mask
    answer = asked(lambda: display.res_query_client_ids([(number, LocalClientPIDMask) for number in numbers]), None)
    if answer is None:  # an old server's X-Resource cannot
        return {}
    pids = {one.spec.client & mask: int(one.value[0]) for one in answer.ids if len(one.value)}
    return {number: pids[number & mask] for number in numbers if pids.get(number & mask)}


def _pid_by_property(display: Display, number: int) -> int | None:
    pids = asked(lambda: numbers_of(display, resource(display, number), "_NET_WM_PID"), None)
    return pids[0] if pids else None


def _title(display: Display, window: XWindow) -> str:
    for name in ("_NET_WM_NAME", "WM_NAME"):
        found = window.get_full_property(display.get_atom(name), X.AnyPropertyType)
        if found is not None and found.format == BYTES and found.value:
            return _text(bytes(found.value), found.property_type == display.get_atom("UTF8_STRING"))
    return ""


def _text(data: bytes, utf8: bool) -> str:
    """Return a title, in UTF-8 or what programs had before: Latin-1, and compound text, which names its alphabets."""
    try:
        return ESCAPES.sub(b"", data).decode("utf-8")  # some write it though they say otherwise
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace") if utf8 else ESCAPES.sub(b"", data).decode("latin-1")


def _class(display: Display, window: XWindow) -> str:
    """Return the class that a program gives its windows: Wine's is the program's name, Proton's steam_app_NUMBER."""
    found = window.get_full_property(Xatom.WM_CLASS, X.AnyPropertyType)
    if found is None or found.format != BYTES:
        return ""
    return next((name for name in reversed(bytes(found.value).decode("latin-1").split("\0")) if name), "")


def _is_on_hidden_workspace(display: Display, window: XWindow, root: XWindow) -> bool:
    """Return whether the window is on a workspace that is not shown now; some window managers keep it mapped there."""
    own, now = (
        numbers_of(display, one, name) for one, name in ((window, "_NET_WM_DESKTOP"), (root, "_NET_CURRENT_DESKTOP"))
    )
    return bool(own and now) and own[0] not in {now[0], ALL_WORKSPACES}


def _is_helper(display: Display, window: XWindow, states: Sequence[int], root: int) -> bool:
    kinds = numbers_of(display, window, "_NET_WM_WINDOW_TYPE")
    if any(display.get_atom(name) in kinds[:1] for name in HELPERS):
        return True
    if display.get_atom("_NET_WM_STATE_SKIP_TASKBAR") in states:
        return True
    master = window.get_full_property(Xatom.WM_TRANSIENT_FOR, X.AnyPropertyType)
    return master is not None and master.format == NUMBERS and any(one not in {0, root} for one in master.value)
