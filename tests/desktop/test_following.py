"""Which window is the game's, as windows come and go."""

from dataclasses import replace

import pytest

from ngrt.desktop.following import ASKING, SEARCHING, Following
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import EndOfSource, NothingToSee, Window

LAUNCHER = Window(1, "Launcher", 7, "game", 0, 0, 400, 300)
GAME = Window(2, "Game", 7, "game", 0, 0, 1280, 720)


def following(desktop: FakeDesktop, *, ends: bool) -> Following:
    """Return what follows the launcher and finds the last window there is."""
    return Following(desktop, LAUNCHER, lambda: desktop.shown[-1] if desktop.shown else None, ends)


@pytest.mark.parametrize("ends", [False, True])
def test_a_launcher_that_gives_way_to_the_game_is_no_end(ends: bool) -> None:
    desktop = FakeDesktop([GAME])
    followed = following(desktop, ends=ends)
    followed.ask(0.0)
    assert followed.window() == GAME
    assert followed.label == "window Game of game"


def test_a_window_that_was_hidden_for_another_of_the_game_is_left_for_that() -> None:
    desktop = FakeDesktop([replace(LAUNCHER, shown=False), GAME])
    followed = following(desktop, ends=False)
    followed.ask(0.0)
    assert followed.window() == GAME


def test_a_minimised_window_is_not_left_for_another_programs() -> None:
    desktop = FakeDesktop([replace(LAUNCHER, shown=False), replace(GAME, pid=8)])
    followed = following(desktop, ends=False)
    followed.ask(0.0)
    with pytest.raises(NothingToSee, match="window Launcher of game is minimised"):
        followed.window()


def test_a_closed_window_is_the_end_where_that_was_asked_for_and_no_other_is_the_games() -> None:
    desktop = FakeDesktop([replace(GAME, pid=8)])
    followed = following(desktop, ends=True)
    followed.ask(0.0)
    with pytest.raises(EndOfSource):
        followed.window()


def test_a_game_that_was_started_again_has_another_process_and_is_followed() -> None:
    desktop = FakeDesktop()
    followed = following(desktop, ends=False)
    followed.ask(0.0)
    with pytest.raises(NothingToSee, match="is closed; start the game again"):
        followed.window()
    desktop.shown = [replace(GAME, pid=8)]
    assert not followed.due(SEARCHING / 2)
    followed.ask(SEARCHING)
    assert followed.window().pid == 8
    assert followed.due(SEARCHING + ASKING)
