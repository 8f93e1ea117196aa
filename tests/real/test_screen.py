"""A real screen: an X server with a game on it that nobody here wrote."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource
from ngrt.messages import Image
from ngrt.sources import x11_grabber
from ngrt.sources.video import VideoSource
from ngrt.sources.x11 import X11Source
from tests.patience import HANG, until
from tests.real.fixtures import CLIP_SECONDS
from tests.real.xvfb import Screen, game_on, x_server
from tests.sources.playing import play


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """Yield a screen of the test's own."""
    with x_server(tmp_path) as server:
        yield server


def grab_some(source: X11Source, count: int) -> list[Image]:
    """Return the next ``count`` pictures that ``source`` shows."""
    return [until(lambda: source.grab(time.monotonic()), "nothing moves", source.interval) for _ in range(count)]


def test_a_game_is_seen_moving(game_display: str) -> None:
    source = X11Source(game_display)
    pictures = grab_some(source, 20)
    source.close()
    assert all(picture.shape == (480, 640, 3) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) > 10


def test_the_picture_is_what_the_server_draws_and_none_while_the_game_stands_still(
    screen: Screen, tmp_path: Path
) -> None:
    with game_on(screen.display, tmp_path) as game:
        source = X11Source(screen.display)
        psutil.Process(game.pid).suspend()
        time.sleep(0.2)  # what it sent before is drawn
        image = source.grab(0.0)
        again = source.grab(1.0)
        expected = screen.drawn()
        psutil.Process(game.pid).resume()
        source.close()
    assert image is not None
    assert again is None
    assert np.ptp(image.astype(int) - image[:, :, ::-1]) > 50, "a grey picture would not tell red from blue"
    np.testing.assert_array_equal(image, expected)


def test_a_display_that_dies_is_an_error_in_one_line(screen: Screen) -> None:
    source = X11Source(screen.display)
    screen.server.kill()
    screen.server.wait()
    for _ in range(2):
        with pytest.raises(SourceError, match=f"display {screen.display} cannot be watched") as caught:
            source.grab(0.0)
        assert "\n" not in str(caught.value)
    source.close()
    source.close()


def test_a_display_that_comes_back_at_another_size_is_watched_on(screen: Screen, tmp_path: Path) -> None:
    source = X11Source(screen.display)
    first = source.grab(0.0)
    screen.server.kill()
    screen.server.wait()
    with x_server(tmp_path, "320x200", screen.display):
        second = source.grab(1.0)
        source.close()
    assert first is not None
    assert first.shape == (480, 640, 3)
    assert second is not None
    assert second.shape == (200, 320, 3)


def test_closing_does_not_wait_for_a_server_that_hangs(screen: Screen) -> None:
    source = X11Source(screen.display)
    psutil.Process(screen.server.pid).suspend()
    grabbing = threading.Thread(target=lambda: source.grab(0.0), daemon=True)
    grabbing.start()
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < HANG
    assert grabbing.is_alive()
    psutil.Process(screen.server.pid).resume()
    grabbing.join(HANG)
    assert not grabbing.is_alive()


def test_a_server_that_hangs_when_it_is_opened_is_refused(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11_grabber, "OPENING", 0.3)
    psutil.Process(screen.server.pid).suspend()
    try:
        with pytest.raises(SourceError, match=f"display {screen.display} has not answered for 0.3 s"):
            X11Source(screen.display)
    finally:
        psutil.Process(screen.server.pid).resume()


def test_a_closed_source_has_no_more_pictures(screen: Screen) -> None:
    source = X11Source(screen.display)
    source.close()
    with pytest.raises(EndOfSource):
        source.grab(0.0)


def test_a_clip_of_the_game_plays_at_its_own_rate(game_clip: Path) -> None:
    source = VideoSource(game_clip)
    assert source.interval == pytest.approx(1 / 30)
    shown, end = play(source)
    source.close()
    assert end == pytest.approx(CLIP_SECONDS, abs=0.05)
    assert len(shown) == 90
    assert all(image.shape == (480, 640, 3) for _, image in shown)
    changes = [np.any(before != after) for (_, before), (_, after) in pairwise(shown)]
    assert sum(changes) > 60
