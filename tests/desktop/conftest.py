"""An X display with a game on it, and one with windows of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ngrt.desktop.x11 import X11Desktop
from tests.real.fixtures import game_display
from tests.real.x_windows import Windows
from tests.real.xvfb import Screen, window_manager, x_server

__all__ = ["desktop", "game_display", "managed", "own", "screen"]


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    with x_server(tmp_path) as server:
        yield server


@pytest.fixture
def desktop(screen: Screen) -> Iterator[X11Desktop]:
    opened = X11Desktop(screen.display)
    yield opened
    opened.close()


@pytest.fixture
def own(screen: Screen) -> Iterator[Windows]:
    """Yield a display without a window manager, to open windows on."""
    windows = Windows(screen.display)
    yield windows
    windows.close()


@pytest.fixture
def managed(screen: Screen, tmp_path: Path) -> Iterator[Windows]:
    """Yield a display with openbox, to open windows on."""
    with window_manager(screen.display):
        windows = Windows(screen.display, managed=True)
        yield windows
        windows.close()
