"""A real game in a window, moved, resized, minimised, closed and started again by a window manager."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from ngrt.errors import SourceError
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import EndOfSource, NothingToSee, Window
from ngrt.messages import Image
from ngrt.resource import Resource
from ngrt.sources import x11_grabber
from ngrt.sources.open import open_window
from ngrt.sources.x11 import X11Window
from tests.patience import until
from tests.real.desktop import Painter, PlainDesktop
from tests.real.xvfb import Screen, game_on, window_manager, x_server


class Played(Resource):
    """A game in a window on a screen with a window manager."""

    def __init__(self, screen: Screen, home: Path) -> None:
        self.screen, self._home = screen, home
        self.desktop = PlainDesktop(screen.display)
        self._games = ExitStack()

    def start(self) -> None:
        """Start the game; return once its window is there."""
        self.game = self._games.enter_context(game_on(self.screen.display, self._home))
        until(lambda: self.find() is not None)

    def find(self) -> Window | None:
        """Return the game's window."""
        return next((window for window in self.desktop.windows() if "alaga" in window.title), None)

    def watch(self, ends: bool = False) -> X11Window:
        """Return a source of the game's window."""
        window = self.find()
        assert window is not None
        source = open_window(self.desktop, window, self.find, ends, 60.0, "auto", self.screen.display)
        assert isinstance(source, X11Window)
        return source

    def command(self, *words: object) -> None:
        """Tell xdotool to do something with the game's window."""
        window = self.find()
        assert window is not None
        self.screen.run("xdotool", words[0], window.number, *words[1:])

    def close(self) -> None:
        """End it."""
        self._games.close()
        self.desktop.close()


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    """Yield a game of the test's own."""
    with x_server(tmp_path, "1000x700") as screen, window_manager(screen.display), ExitStack() as stack:
        game = stack.enter_context(Played(screen, tmp_path))
        game.start()
        yield game


def grab_until(source: X11Window, holds: Callable[[Image | None], bool]) -> Image | None:
    """Grab until ``holds`` of what a grab returns, or of None where there is nothing to see; return it."""
    found: list[Image | None] = []

    def grab() -> bool:
        image = None
        with suppress(NothingToSee):
            image = source.grab(time.monotonic())
        found[:] = [image]
        return holds(image)

    until(grab, "grabbed in vain", source.interval)
    return found[0]


def test_a_window_is_followed_where_it_is_moved_and_resized(played: Played) -> None:
    with played.watch() as source:
        assert source.name == "window XGalaga++ of xgalaga++"
        image = source.grab(0.0)
        assert image is not None
        assert image.shape == (480, 640, 3)
        psutil.Process(played.game.pid).suspend()
        for number, (left, top, width, height) in enumerate([(60, 70, 640, 480), (200, 100, 500, 300)], 1):
            played.command("windowmove", left, top)
            played.command("windowsize", width, height)
            time.sleep(0.3)  # the window manager's answer is drawn
            window = played.find()
            assert window is not None
            assert abs(window.left - left) < 30
            newer = source.grab(float(number))
            image = image if newer is None else newer  # what was moved looks the same
            assert image.shape == (height, width, 3)
            expected = played.screen.drawn()[window.top : window.top + height, window.left : window.left + width]
            np.testing.assert_array_equal(image, expected)
        psutil.Process(played.game.pid).resume()
        grab_until(source, lambda image: image is not None)


def test_a_move_is_noticed_at_the_next_grab_without_asking_at_each(played: Played) -> None:
    with played.watch() as source:
        source.grab(0.0)
        psutil.Process(played.game.pid).suspend()
        time.sleep(0.3)
        source.grab(0.001)
        asked = played.desktop.asked
        for turn in range(50):
            source.grab(0.002 + turn / 10_000)
        assert played.desktop.asked == asked
        played.screen.run("xdotool", "windowmove", source.number, 10, 10)
        time.sleep(0.3)
        source.grab(0.01)
        assert played.desktop.asked > asked
        psutil.Process(played.game.pid).resume()


def test_a_minimised_window_shows_nothing_until_it_is_back(played: Played) -> None:
    with played.watch() as source:
        assert source.grab(0.0) is not None
        played.command("windowminimize")
        until(lambda: not (window := played.find()) or not window.shown)
        for now in (1.0, 1.01, 2.0):
            with pytest.raises(NothingToSee, match=r"window XGalaga\+\+ of xgalaga\+\+ is minimised; bring it back"):
                source.grab(now)
        played.command("windowmap")
        played.command("windowactivate")
        until(lambda: (window := played.find()) is not None and window.shown)
        assert source.grab(3.0) is not None


def test_a_closed_window_is_searched_for_until_the_game_is_started_again(played: Played) -> None:
    with played.watch() as source:
        assert source.grab(0.0) is not None
        played.game.terminate()
        played.game.wait()
        until(lambda: played.find() is None)
        for now in (1.0, 1.01, 2.0):
            with pytest.raises(NothingToSee, match="is closed; start the game again"):
                source.grab(now)
        assert source.number is None
        played.start()
        image = grab_until(source, lambda image: image is not None)
        assert image is not None
        assert image.shape == (480, 640, 3)
        window = played.find()
        assert window is not None
        assert source.number == window.number


def test_a_window_of_a_wayland_session_is_read_itself_and_followed_all_the_same(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", played.screen.display)
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    with played.watch() as source:
        first = source.grab(0.0)
        assert first is not None
        assert first.shape == (480, 640, 3)
        played.command("windowsize", 500, 300)
        image = grab_until(source, lambda image: image is not None and image.shape != first.shape)
        assert image is not None
        assert image.shape == (300, 500, 3)
        played.game.kill()
        played.game.wait()
        grab_until(source, lambda image: source.number is None)
        played.start()
        grab_until(source, lambda image: image is not None)


def test_a_closed_window_is_the_end_where_that_was_asked_for(played: Played) -> None:
    with played.watch(ends=True) as source:
        assert source.grab(0.0) is not None
        played.game.terminate()
        played.game.wait()
        until(lambda: played.find() is None)
        for now in (1.0, 1.01, 2.0):
            with pytest.raises(EndOfSource):
                source.grab(now)


def test_another_programs_window_with_the_same_number_is_not_the_game(played: Played) -> None:
    desktop = FakeDesktop([Window(1, "a game", None, "game", 0, 0, 300, 200)])
    with X11Window(desktop, desktop.shown[0], lambda: None, False, display=played.screen.display) as source:
        assert source.grab(0.0) is not None
        desktop.shown = [Window(1, "a game", 10, "game", 0, 0, 300, 201)]
        assert source.grab(0.5) is not None, "its process became known"
        desktop.shown = [Window(1, "mail", 11, "mail", 0, 0, 300, 200)]
        with pytest.raises(NothingToSee, match="window a game of game is closed"):
            source.grab(1.0)


def test_a_window_partly_outside_the_screen_shows_the_part_that_is_inside(played: Played) -> None:
    window = played.find()
    assert window is not None
    desktop = FakeDesktop([Window(1, "a\ngame", None, "", -100, 650, 300, 200)])
    with X11Window(desktop, desktop.shown[0], lambda: None, False, display=played.screen.display) as source:
        image = source.grab(0.0)
        assert image is not None
        assert image.shape == (50, 200, 3)
        desktop.shown = [Window(1, "a\ngame", None, "", 1000, 0, 300, 200)]
        with pytest.raises(NothingToSee, match=r"^window a game is outside the screen; move it back"):
            source.grab(1.0)


def test_what_is_in_front_of_the_window_is_what_is_seen(played: Played) -> None:
    window = played.find()
    assert window is not None
    over = (window.left + 10, window.top + 20, 30, 40)
    with played.watch() as source, Painter(played.screen.display, over):
        image = source.grab(0.0)
    assert image is not None
    assert (image[20:60, 10:40] == (0x33, 0x66, 0x99)).all()


def test_a_display_that_dies_under_a_window_is_an_error_in_one_line(played: Played) -> None:
    window = played.find()
    assert window is not None
    desktop = FakeDesktop([window])
    with X11Window(desktop, window, lambda: None, False, display=played.screen.display) as source:
        played.screen.server.kill()
        played.screen.server.wait()
        for _ in range(2):
            with pytest.raises(SourceError, match=f"display {played.screen.display} cannot be watched") as caught:
                source.grab(0.0)
            assert "\n" not in str(caught.value)


def test_a_display_that_hangs_under_a_window_is_refused(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11_grabber, "OPENING", 0.3)
    window = played.find()
    assert window is not None
    psutil.Process(played.screen.server.pid).suspend()
    try:
        with pytest.raises(SourceError, match=r"has not answered for 0\.3 s"):
            X11Window(FakeDesktop([window]), window, lambda: None, False, display=played.screen.display)
    finally:
        psutil.Process(played.screen.server.pid).resume()
