"""The programs' own windows among those of a window manager that does not list them (before EWMH: twm, mwm)."""

from Xlib import X
from Xlib.display import Display

from ngrt.desktop.x11_windows import resource
from ngrt.x11.errors import asked

DEEPEST = 4
"""Windows inside each other that are searched: a frame, its inside, and a manager's desktop around them."""

MOST = 200
"""Windows that are searched, at most."""


def clients_in(display: Display, top: int) -> list[int]:
    """Return the windows in ``top``, which is at the top level, that a manager looks after; the one in front first.

    Managers write WM_STATE to them (ICCCM), whatever else they do; ``top`` may be one itself. None in a window that no
    manager knows.
    """
    found: list[int] = []
    left, level = MOST, [top]
    for _ in range(DEEPEST):
        inner: list[int] = []
        for number in level[:left]:
            if is_client(display, number):
                found.append(number)
            else:
                inner += _children(display, number)
        left, level = left - len(level), inner
        if left <= 0:
            break
    return found


def is_client(display: Display, number: int) -> bool:
    """Return whether a manager looks after window ``number``."""
    window, state = resource(display, number), display.get_atom("WM_STATE")
    return asked(lambda: window.get_full_property(state, X.AnyPropertyType), None) is not None


def _children(display: Display, number: int) -> list[int]:
    tree = asked(resource(display, number).query_tree, None)
    return [] if tree is None else [child.id for child in reversed(tree.children)]
