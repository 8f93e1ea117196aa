"""Capture of a window on Windows, by a stand-in."""

import os
import sys

import numpy as np
import pytest

from ngrt.fakes import FakeDesktop
from ngrt.interfaces import EndOfSource, NothingToSee, Window
from ngrt.sources import dxcam_displays
from ngrt.sources.dxcam import DxcamWindow
from ngrt.sources.dxcam_displays import Display, showing_most_of
from tests.sources.dxcam_standin import HIGH, LEFT, MAIN, Machine, game, grab

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a stand-in for what is here")


def test_a_window_is_a_part_of_its_display_by_left_top_right_bottom(machine: Machine) -> None:
    window = game(left=-1180, top=150, width=640, height=360)
    source = DxcamWindow(FakeDesktop([window]), window, lambda: None, False, 30)
    assert grab(source, 0.0).shape == (360, 640, 3)
    (camera,) = machine.open()
    assert (camera.name, camera.region, camera.target_fps) == (LEFT, (100, 50, 740, 410), 30)
    assert source.name == "window A Game of game.exe"
    assert source.number == 7
    source.close()


@pytest.mark.parametrize(
    ("window", "name", "region"),
    [
        (game(-300, 200, 1000, 500), MAIN, (0, 200, 700, 700)),
        (game(-800, 200, 1000, 500), LEFT, (480, 100, 1280, 600)),
        (game(100, -400, 800, 600), HIGH, (100, 1040, 900, 1440)),
        (game(1800, 900, 800, 600), MAIN, (1800, 900, 1920, 1080)),
        (game(-8, -8, 1936, 1096), MAIN, (0, 0, 1920, 1080)),
    ],
)
def test_a_window_on_several_displays_is_watched_on_the_one_that_shows_most(
    machine: Machine, window: Window, name: str, region: tuple[int, ...]
) -> None:
    found = showing_most_of(dxcam_displays.displays(sys.modules["dxcam"]), window)
    assert found is not None
    assert (found[0].name, found[1]) == (name, region)


def test_a_window_that_is_moved_resized_or_put_on_another_display_is_followed(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    for now, window in enumerate([game(), game(200, 60), game(200, 60, 800, 600), game(100, -700, 800, 600)], 1):
        desktop.shown = [window]
        machine.still = True
        image = grab(source, float(now))  # at once, though nothing moves on the display
        assert image.shape == (window.height, window.width, 3)
        machine.still = False
        grab(source, float(now))
    assert len(machine.open()) == 1
    source.close()


def test_a_window_that_stays_keeps_its_camera(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    for now in range(5):
        grab(source, float(now))
    assert len(machine.made) == 1
    source.close()


def test_a_display_that_changes_its_mode_is_captured_anew_where_the_window_is_then(machine: Machine) -> None:
    desktop = FakeDesktop([game(0, 0, 1920, 1080)])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    grab(source, 0.0)
    machine.monitors[MAIN] = (0, 0, 1280, 720)
    desktop.shown = [game(0, 0, 1280, 720)]
    assert grab(source, 1.0).shape == (720, 1280, 3)
    source.close()


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([game(shown=False)], "A Game of game.exe is minimised; bring it back"),
        ([game(9000, 9000)], "A Game of game.exe is outside the screen; move it back"),
        ([], "A Game of game.exe is closed; start the game again"),
    ],
)
def test_while_there_is_nothing_to_see_no_display_is_captured(
    machine: Machine, windows: list[Window], words: str
) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    grab(source, 0.0)
    desktop.shown = windows
    for now in (1.0, 1.01):
        with pytest.raises(NothingToSee, match=words):
            source.grab(now)
    assert machine.open() == []
    desktop.shown = [game()]
    if windows:
        assert grab(source, 2.0).shape == (360, 640, 3)
    source.close()


def test_a_closed_window_is_the_end_where_that_was_asked_for(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, True)
    desktop.shown = []
    for now in (1.0, 2.0):
        with pytest.raises(EndOfSource):
            source.grab(now)
    assert machine.open() == []
    source.close()


def test_a_game_that_was_started_again_is_watched_in_its_new_window(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    searches = []

    def find_again() -> Window | None:
        searches.append(1)
        return desktop.shown[0] if desktop.shown else None

    source = DxcamWindow(desktop, desktop.shown[0], find_again, False)
    desktop.shown = []
    for step in range(10):
        with pytest.raises(NothingToSee):
            source.grab(1 + step * 0.1)
    assert len(searches) == 2, "twice a second"
    desktop.shown = [Window(8, "Again", None, "game.exe", 0, 0, 320, 240)]
    assert grab(source, 3.0).shape == (240, 320, 3)
    assert (source.number, source.name) == (8, "window Again of game.exe")
    source.close()
    assert desktop.closed


def test_a_window_that_begins_minimised_is_watched_once_it_is_brought_back(machine: Machine) -> None:
    desktop = FakeDesktop([game(shown=False)])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    with pytest.raises(NothingToSee):
        source.grab(0.0)
    desktop.shown = [game()]
    assert np.asarray(grab(source, 1.0))[0, 5, 0] >= 200, "red is first"
    source.close()


def test_only_the_display_at_the_desktops_corner_is_the_primary_one() -> None:
    assert Display(0, 0, "", 0, 0, 1920, 1080).primary
    assert not Display(0, 0, "", 0, -1440, 2560, 0).primary
