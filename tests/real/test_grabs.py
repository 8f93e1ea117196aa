"""When a grab makes a picture: after something was drawn where it grabs, and never too late."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.messages import Image
from ngrt.sources import x11_grabber
from ngrt.sources.region import Region
from ngrt.sources.x11 import X11Source
from ngrt.sources.x11_damage import ScreenEvents
from ngrt.sources.x11_screen import Screen as Connection
from tests.real.desktop import Painter
from tests.real.xvfb import Screen, x_server

LEFT, RIGHT = (40, 30, 100, 80), (400, 30, 100, 80)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """Yield a screen of the test's own."""
    with x_server(tmp_path) as server:
        yield server


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Region]:
    """Return what grows by a region with each picture that is made."""
    regions: list[Region] = []
    shoot = Connection.shoot

    def counted(self: Connection, region: Region, window: int | None = None) -> bytearray:
        regions.append(region)
        return shoot(self, region, window)

    monkeypatch.setattr(Connection, "shoot", counted)
    return regions


def color(image: Image | None, place: tuple[int, int, int, int]) -> int | None:
    """Return the one colour that ``image`` has at ``place``, as 0xRRGGBB; None for no picture."""
    if image is None:
        return None
    left, top, width, height = place
    part = image[top : top + height, left : left + width]
    assert (part == part[0, 0]).all()
    return int.from_bytes(part[0, 0].tobytes(), "big")


def test_grabs_make_no_picture_while_nothing_is_drawn(screen: Screen, made: list[Region]) -> None:
    with X11Source(screen.display) as source, Painter(screen.display, LEFT) as painter:
        assert source.interval == pytest.approx(1 / 240)
        assert color(source.grab(0.0), LEFT) == 0x336699
        made.clear()
        assert all(source.grab(0.1 + turn / 10_000) is None for turn in range(100))
        assert not made
        painter.paint(0xFF0000)
        assert color(source.grab(0.2), LEFT) == 0xFF0000
        assert len(made) == 1


def test_every_change_is_in_the_next_picture_whenever_it_comes(screen: Screen) -> None:
    chance = random.Random(5)
    with ExitStack() as stack:
        source = stack.enter_context(X11Source(screen.display))
        painters = [(stack.enter_context(Painter(screen.display, place)), place) for place in (LEFT, RIGHT)]
        source.grab(0.0)
        for number in range(1, 200):
            painter, place = chance.choice(painters)
            now = number / 10
            if chance.random() < 0.5:
                source.grab(now)
            shade = 0x010000 + number
            painter.paint(shade)
            assert color(source.grab(now + 0.05), place) == shade, number


def test_a_game_that_draws_without_pause_is_grabbed_twice_as_often_as_asked_at_most(screen: Screen) -> None:
    with X11Source(screen.display, rate=20) as source, Painter(screen.display, LEFT) as painter:
        seen = 0
        for turn in range(240):
            painter.paint(0x010000 + turn)
            seen += source.grab(turn / 240) is not None
    assert 38 <= seen <= 44


def test_what_is_drawn_elsewhere_makes_no_picture(screen: Screen, made: list[Region]) -> None:
    for name, place in (("left", "320/320x480/240+0+0"), ("right", "320/320x480/240+320+0")):
        screen.run("xrandr", "--setmonitor", name, place, "screen" if name == "left" else "none")
    with ExitStack() as stack:
        source = stack.enter_context(X11Source(screen.display, monitor=1))
        left, right = (stack.enter_context(Painter(screen.display, place)) for place in (LEFT, RIGHT))
        image = source.grab(0.0)
        assert image is not None
        assert image.shape == (480, 320, 3)
        made.clear()
        left.paint(0xFF0000)
        assert source.grab(0.1) is None
        assert not made
        right.paint(0x00FF00)
        assert color(source.grab(0.2), (80, 30, 100, 80)) == 0x00FF00
        assert made == [Region(320, 0, 320, 480)]
    with pytest.raises(SourceError, match=r"no monitor 2; it has 2, counted from 0; try --monitor 1"):
        X11Source(screen.display, monitor=2)


def test_a_server_that_does_not_tell_what_is_drawn_is_grabbed_at_the_rate(tmp_path: Path) -> None:
    with ExitStack() as stack:
        screen = stack.enter_context(x_server(tmp_path, "640x480", None, "-extension", "DAMAGE"))
        source = stack.enter_context(X11Source(screen.display))
        painter = stack.enter_context(Painter(screen.display, LEFT))
        assert source.interval == pytest.approx(1 / 60)
        for number in range(20):
            painter.paint(0x010000 + number)
            assert color(source.grab(number / 60), LEFT) == 0x010000 + number
        assert source.grab(1.0) is None


def test_a_driver_that_draws_past_the_server_is_found_out(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    with X11Source(screen.display) as source, Painter(screen.display, LEFT) as painter:
        monkeypatch.setattr(ScreenEvents, "drawn", lambda *told: False)
        source.grab(0.0)
        for number in range(1, 4):
            painter.paint(0x010000 + number)
            assert source.grab(number + 0.0) is not None, "grabbed once in a while all the same"
        assert source.interval == pytest.approx(1 / 60)
        for number in range(20):
            painter.paint(0x020000 + number)
            assert color(source.grab(5 + number / 60), LEFT) == 0x020000 + number


def test_a_screen_that_grows_is_watched_whole(tmp_path: Path) -> None:
    with x_server(tmp_path, "800x600") as screen:
        timing = "31.5 640 650 660 700 480 490 495 500"
        screen.run("xrandr", "--newmode", "small", *timing.split())
        screen.run("xrandr", "--addmode", "screen", "small")
        screen.run("xrandr", "--output", "screen", "--mode", "small")
        with X11Source(screen.display) as source:
            before = source.grab(0.0)
            screen.run("xrandr", "--output", "screen", "--mode", "800x600")
            after = source.grab(0.1)
    assert before is not None
    assert after is not None
    assert before.shape == (480, 640, 3)
    assert after.shape == (600, 800, 3)


def test_a_screen_that_stays_black_is_said_to_be_until_it_shows_something(screen: Screen) -> None:
    with X11Source(screen.display) as source:
        for now in (0.0, 1.9):
            source.grab(now)
            assert source.name == f"display {screen.display}"
        source.grab(2.0)
        assert source.name == f"display {screen.display} (nothing but black so far)"
        with Painter(screen.display, LEFT):
            source.grab(2.1)
        assert source.name == f"display {screen.display}"
        source.grab(3.0)
        source.grab(9.0)
        assert source.name == f"display {screen.display}", "a game fades to black, and is seen for all that"


def test_a_wayland_session_whose_screen_stays_black_is_refused(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11_grabber, "BLACK", 0.3)
    monkeypatch.setenv("DISPLAY", screen.display)
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    with pytest.raises(SourceError, match=r"is black: Wayland hides its windows .* X11 \(Xorg\) session"):
        X11Source()
    with Painter(screen.display, LEFT), X11Source() as source:
        assert np.any(source.grab(0.0)), "a server of its own in such a session shows what is on it"
