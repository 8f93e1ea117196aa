"""A window to match and to wait for, and those that a desktop has."""

import dataclasses
from typing import Any

from ngrt.desktop.x11 import X11Desktop
from ngrt.interfaces import Window


def window(number: int = 1, **changes: Any) -> Window:
    """Return a game's window, changed."""
    game = Window(number, "Game", 7, "game.exe", 0, 0, 640, 480)
    return dataclasses.replace(game, **changes)


def here(desktop: X11Desktop, number: int) -> Window:
    window = desktop.window(number)
    assert window is not None
    return window


def numbers(desktop: X11Desktop) -> list[int]:
    return [window.number for window in desktop.windows()]
