"""A game that runs, and a clip of it; each made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.guest import made_guest
from tests.real.machine import Machine
from tests.real.xvfb import GAME, game_on, record_clip, require, x_server

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
