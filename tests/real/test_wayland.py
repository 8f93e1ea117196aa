"""A Wayland session without a screen (weston), and a real game in it through XWayland."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.interfaces import Window
from ngrt.messages import Image
from ngrt.sources import x11_grabber
from ngrt.sources.x11 import X11Source, X11Window
from tests.patience import until
from tests.real.desktop import Painter, PlainDesktop
from tests.real.xvfb import GAME, ended, require

pytestmark = pytest.mark.machine


@pytest.fixture
def wayland(tmp_path: Path) -> Iterator[str]:
    """Yield the X display of a Wayland session's XWayland."""
    require("weston", "Xwayland")
    tmp_path.chmod(0o700)
    log = tmp_path / "weston.log"
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    environment.pop("DISPLAY", None)
    options = ["--backend=headless-backend.so", "--use-pixman", "--xwayland", "--idle-time=0", f"--log={log}"]
    command = ["weston", *options, "--width=900", "--height=700"]
    quiet = subprocess.DEVNULL
    with ended(subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)):
        until(lambda: log.exists() and "listening on display" in log.read_text())
        found = re.search(r"listening on display (:\d+)", log.read_text())
        assert found is not None
        yield found[1]


@pytest.fixture
def game(wayland: str, tmp_path: Path) -> Iterator[PlainDesktop]:
    """Yield a desktop with xgalaga++ on it, which shows moving stars."""
    require(GAME)
    environment = {**os.environ, "DISPLAY": wayland, "HOME": str(tmp_path)}
    with PlainDesktop(wayland) as desktop, ended(subprocess.Popen([GAME], env=environment)):
        until(lambda: bool(desktop.windows()), "the game shows no window")
        yield desktop


def watch(desktop: PlainDesktop, display: str) -> tuple[X11Window, Window]:
    """Return a source of the game's window, and the window."""
    window = next(window for window in desktop.windows() if "alaga" in window.title)
    return X11Window(desktop, window, lambda: None, False, display=display), window


def test_the_whole_screen_is_refused_with_what_can_be_played_instead(
    wayland: str, game: PlainDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x11_grabber, "BLACK", 0.3)
    assert game.windows()
    with pytest.raises(SourceError, match=r"is black: Wayland hides its windows .*XWayland \(--process or --window\)"):
        X11Source(wayland)


def test_a_game_of_xwayland_is_seen_in_its_own_window(wayland: str, game: PlainDesktop) -> None:
    source, window = watch(game, wayland)
    with source:
        assert source.interval == pytest.approx(1 / 240), "the server says what is drawn in the window"
        seen: list[Image] = []

        def grab() -> bool:
            image = source.grab(time.monotonic())
            seen.extend([] if image is None else [image])
            return len(seen) == 20

        until(grab, "nothing moves", source.interval)
        assert source.interval == pytest.approx(1 / 240), "and goes on saying so"
    assert all(image.shape == (window.height, window.width, 3) for image in seen)
    assert len({image.tobytes() for image in seen}) == 20
    assert source.name == "window XGalaga++ of xgalaga++", "it is not black"


def test_a_window_of_xwayland_is_seen_whatever_is_in_front_of_it(wayland: str, game: PlainDesktop) -> None:
    source, window = watch(game, wayland)
    over = (window.left, window.top, 200, 100)
    with source, Painter(wayland, over):
        image = source.grab(0.0)
    assert image is not None
    assert not np.all(image[:100, :200] == (0x33, 0x66, 0x99), axis=-1).any()
