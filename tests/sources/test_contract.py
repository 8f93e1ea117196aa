"""What every source promises, over all of them."""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.fakes import FakeDesktop, FakeSource
from ngrt.interfaces import EndOfSource, FrameSource, Window
from ngrt.messages import Image
from ngrt.policy.preprocess import check_frame
from ngrt.resource import Resource
from ngrt.sources.dxcam import DxcamScreen, DxcamWindow
from ngrt.sources.dxcam_camera import DxcamCamera
from ngrt.sources.dxcam_displays import displays, load_dxcam
from ngrt.sources.open import OpenedSource, open_images, open_screen, open_video, open_window
from ngrt.sources.video import VideoSource
from ngrt.sources.x11 import X11Source
from ngrt.sources.x11_damage import ScreenEvents
from ngrt.sources.x11_grabber import Grabber
from ngrt.sources.x11_screen import Screen
from tests.closing import closes_with_its_block, either_way
from tests.patience import HANG
from tests.sources.dxcam_standin import standing_in
from tests.sources.playing import START, pictures, play, write_video

Maker = Callable[[], OpenedSource]


@pytest.fixture(
    params=["fake", "video", "image", "images", "x11", "x11 monitor", "x11 window", "dxcam", "dxcam window"]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """Return a function that opens the source."""
    kind = request.param
    if kind == "video":
        video = write_video(tmp_path / "clip.mkv", pictures(30))
        return lambda: open_video(video)
    if kind in {"image", "images"}:
        paths = [tmp_path / f"{number}.png" for number in range(1 if kind == "image" else 3)]
        for path, image in zip(paths, pictures(len(paths)), strict=True):
            cv2.imwrite(str(path), image)
        return lambda: open_images(paths, seconds_each=0.2)
    if kind.startswith("x11"):
        display = request.getfixturevalue("game_display")
        return lambda: Paced(open_x11(kind, display))
    if kind.startswith("dxcam"):
        standing_in(request.getfixturevalue("monkeypatch"))
        return lambda: Paced(open_dxcam(kind))
    return lambda: FakeSource(frames=60)


def open_dxcam(kind: str) -> OpenedSource:
    """Return a source of a monitor of the stand-in, or of a window on it."""
    if kind == "dxcam":
        return DxcamScreen(0)
    desktop = FakeDesktop([Window(1, "a game", None, "game.exe", 10, 20, 300, 200)])
    return DxcamWindow(desktop, desktop.shown[0], lambda: None, False)


def open_x11(kind: str, display: str) -> OpenedSource:
    """Return a source of the display, of its monitor, or of the window on it."""
    if kind == "x11":
        return X11Source(display)
    if kind == "x11 monitor":
        return open_screen(display, 0, 60.0, "auto")
    desktop = FakeDesktop([Window(1, "a game", None, "game", 10, 20, 300, 200)])
    return open_window(desktop, desktop.shown[0], lambda: None, False, 60.0, "auto", display)


class Paced(Resource):
    """A source in real time: virtual time would grab faster than a real screen can change."""

    def __init__(self, source: OpenedSource) -> None:
        self.name, self.interval = source.name, source.interval
        self.source = source
        self.age = 0.0

    def grab(self, now: float) -> Image | None:
        """Wait a moment, then grab."""
        time.sleep(0.005)
        return self.source.grab(now)

    def close(self) -> None:
        self.source.close()


def test_pictures_are_rgb_bytes_that_the_pipeline_takes(make: Maker) -> None:
    source = make()
    shown, _ = play(source, seconds=0.5)
    source.close()
    assert shown
    for _, image in shown:
        assert check_frame(image) is image
        assert image.flags.c_contiguous


def test_the_first_grab_gets_a_picture(make: Maker) -> None:
    source = make()
    assert source.grab(START) is not None
    source.close()


def test_a_picture_that_was_returned_does_not_change_later(make: Maker) -> None:
    source = make()
    shown, _ = play(source, seconds=0.2)
    copies = [image.copy() for _, image in shown]
    for step in range(20):
        source.grab(START + 0.2 + step * 0.01)
    source.close()
    for (_, image), copy in zip(shown, copies, strict=True):
        np.testing.assert_array_equal(image, copy)


def test_the_same_picture_is_not_returned_twice(make: Maker) -> None:
    source = make()
    shown, _ = play(source, seconds=0.5, step=0.002)
    source.close()
    for (_, before), (_, after) in pairwise(shown):
        assert before.shape != after.shape or (before != after).any()


def test_a_grab_after_a_long_pause_returns_at_once(make: Maker) -> None:
    source = make()
    source.grab(START)
    start = time.monotonic()
    with suppress(EndOfSource):
        source.grab(START + 3600)
    assert time.monotonic() - start < HANG, "it lived through the hour"
    source.close()


def test_name_and_interval_say_something(make: Maker) -> None:
    source = make()
    assert source.name
    assert "\n" not in source.name
    assert 0 < source.interval <= 1
    source.close()


def test_it_may_be_closed_twice_and_unused(make: Maker) -> None:
    source = make()
    source.close()
    source.close()


@either_way
def test_a_with_closes_it_however_it_ends(make: Maker, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_it() -> object:
        source = make()
        return source.source if isinstance(source, Paced) else source

    closes_with_its_block(open_it, fails, monkeypatch)


@pytest.mark.parametrize(
    "make_ending", [lambda path: FakeSource(frames=30), lambda path: VideoSource(write_video(path, pictures(30)))]
)
def test_an_end_stays_the_end(make_ending: Callable[[Path], FrameSource], tmp_path: Path) -> None:
    source = make_ending(tmp_path / "clip.mkv")
    shown, end = play(source, seconds=5.0)
    assert len(shown) == 30
    assert end is not None
    for later in (0.0, 0.01, 100.0):
        with pytest.raises(EndOfSource):
            source.grab(START + end + later)
    source.close()
    with pytest.raises(EndOfSource):
        source.grab(START + end + 200)


def test_a_fake_source_fails_when_it_is_told_to() -> None:
    source = FakeSource(rate=10, fail_at=3)
    assert source.grab(START + 0.0) is not None
    assert source.grab(START + 0.2) is not None
    with pytest.raises(SourceError, match="fails at picture 3"):
        source.grab(START + 0.3)


@either_way
@pytest.mark.parametrize("opened", [Screen, ScreenEvents, lambda display: Grabber(display, 60.0)])
def test_a_with_closes_what_x11_sources_stand_on(
    opened: Callable[[str], object], fails: bool, bare_display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes_with_its_block(lambda: opened(bare_display), fails, monkeypatch)


@either_way
def test_a_with_closes_the_camera_of_windows_sources(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    standing_in(monkeypatch)
    dxcam = load_dxcam()
    closes_with_its_block(lambda: DxcamCamera(dxcam, displays(dxcam)[0], None, 60.0, "auto"), fails, monkeypatch)
