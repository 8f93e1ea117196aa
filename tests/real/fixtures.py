"""A game that runs, and a clip of it; each made once. A screen of a test's own, and a window that takes its keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real.guest import made_guest
from tests.real.machine import Machine
from tests.real.xvfb import GAME, Screen, game_on, record_clip, require, x_server

if TYPE_CHECKING:
    from tests.real.typing_window import TypingWindow

CLIP_SECONDS = 3.0


@pytest.fixture(scope="session")
def game_display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the X display on which xgalaga++ is played; skip where the programs are not installed."""
    require("Xvfb", GAME, "xdotool")
    with x_server(tmp_path_factory.mktemp("xvfb")) as screen, game_on(screen.display, tmp_path_factory.mktemp("home")):
        yield screen.display


@pytest.fixture(scope="package")
def machine() -> Iterator[Machine]:
    """Yield a machine with a real /dev/uinput, booted once for all that need it; skip where it cannot be made."""
    made = Machine(made_guest())
    yield made
    made.close()


@pytest.fixture(scope="session")
def bare_display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield an X display with nothing on it, which tests share; skip where Xvfb is not installed."""
    with x_server(tmp_path_factory.mktemp("bare")) as screen:
        yield screen.display


@pytest.fixture(scope="session")
def game_clip(game_display: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three seconds of xgalaga++ at 30 frames a second, 640 x 480, as mp4."""
    path = tmp_path_factory.mktemp("clip") / "xgalaga.mp4"
    record_clip(game_display, path, CLIP_SECONDS)
    return path


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """Yield a screen of the test's own; skip where Xvfb is not installed."""
    with x_server(tmp_path) as server:
        yield server


@pytest.fixture
def window(screen: Screen) -> Iterator["TypingWindow"]:
    """Yield a window on ``screen`` that takes the keys."""
    from tests.real.typing_window import TypingWindow  # not where there is no Xlib, as on Windows

    found = TypingWindow(screen.display)
    yield found
    found.close()
