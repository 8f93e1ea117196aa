"""X11 with window managers: what they list, hide and frame, who goes past them, and what has the focus."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from Xlib import X, Xatom, Xutil
from Xlib.xobject.drawable import Window as XWindow

from ngrt.desktop.matching import find
from ngrt.desktop.x11 import X11Desktop
from tests.desktop.windows import here, numbers
from tests.patience import until
from tests.real.x_windows import Windows
from tests.real.xvfb import Screen, ended, require, window_manager

EVERYWHERE = 0xFFFFFFFF


def test_a_managed_window_is_listed_once_without_its_frame(managed: Windows, desktop: X11Desktop) -> None:
    opened = [managed.open(f"Game {number}").id for number in range(2)]
    assert sorted(window.number for window in desktop.windows() if window.playable) == sorted(opened)


def test_a_game_that_goes_past_the_window_manager_is_found_in_front(managed: Windows, desktop: X11Desktop) -> None:
    managed.open("Behind")
    game = managed.open("", (0, 0, 640, 480), past_manager=True)
    assert numbers(desktop)[0] == game.id
    assert here(desktop, game.id).playable
    game.set_input_focus(X.RevertToParent, X.CurrentTime)
    managed.display.sync()
    assert desktop.focused() == game.id


def test_a_fullscreen_window_has_the_place_of_the_whole_screen(managed: Windows, desktop: X11Desktop) -> None:
    game = managed.open("", (50, 50, 320, 240))
    fullscreen = managed.display.get_atom("_NET_WM_STATE_FULLSCREEN")
    managed.ask_manager(game, "_NET_WM_STATE", [1, fullscreen])
    until(lambda: here(desktop, game.id).area == 640 * 480)
    window = here(desktop, game.id)
    assert (window.left, window.top, window.width, window.height, window.title) == (0, 0, 640, 480, "")


def test_a_window_on_another_workspace_is_not_shown(managed: Windows, desktop: X11Desktop) -> None:
    game = managed.open("Game")
    managed.ask_manager(game, "_NET_WM_DESKTOP", [1])
    until(lambda: not here(desktop, game.id).shown)
    managed.ask_manager(game, "_NET_WM_DESKTOP", [EVERYWHERE])
    until(lambda: here(desktop, game.id).shown)


def test_a_mapped_window_on_another_workspace_is_not_shown_either(own: Windows, desktop: X11Desktop) -> None:
    game = own.open("Game")
    for number, shown in ((1, False), (0, True), (EVERYWHERE, True)):
        for window, name, value in ((own.root, "_NET_CURRENT_DESKTOP", 0), (game, "_NET_WM_DESKTOP", number)):
            window.change_property(own.display.get_atom(name), Xatom.CARDINAL, 32, [value])
        own.display.sync()
        assert here(desktop, game.id).shown is shown


def test_windows_are_found_after_their_manager_was_killed(screen: Screen, desktop: X11Desktop, tmp_path: Path) -> None:
    with window_manager(screen.display) as manager:
        windows = Windows(screen.display, managed=True)
        before = windows.open("Before").id
        assert before in numbers(desktop)
        manager.kill()
        manager.wait()
        after = windows.open("After").id
        until(lambda: {before, after} <= set(numbers(desktop)))
        windows.close()


@pytest.mark.parametrize("setup", ["own", "managed"])
def test_the_focus_inside_a_window_is_the_windows(
    setup: str, request: pytest.FixtureRequest, desktop: X11Desktop
) -> None:
    windows: Windows = request.getfixturevalue(setup)
    game = windows.open("Game", (50, 50, 320, 240))
    inner = windows.open("", (10, 10, 100, 100), inside=windows.open("", (10, 10, 200, 200), inside=game))
    inner.set_input_focus(X.RevertToParent, X.CurrentTime)
    windows.display.sync()
    assert desktop.focused() == game.id


def manage(screen: Screen, clients: list[XWindow]) -> Windows:
    """Be a window manager that leaves the focus alone: put each client into a frame, and say so."""
    manager = Windows(screen.display)
    check = manager.open("", (-9, -9, 1, 1), past_manager=True)
    for window, name, values in (
        (manager.root, "_NET_SUPPORTING_WM_CHECK", [check.id]),
        (check, "_NET_SUPPORTING_WM_CHECK", [check.id]),
        (manager.root, "_NET_CLIENT_LIST_STACKING", [client.id for client in clients]),
        (manager.root, "_NET_ACTIVE_WINDOW", [clients[-1].id]),
    ):
        window.change_property(manager.display.get_atom(name), Xatom.WINDOW, 32, values)
    for client in clients:
        frame = manager.open("", (50, 50, 330, 270), past_manager=True)
        manager.display.create_resource_object("window", client.id).reparent(frame.id, 5, 25)
    manager.display.sync()
    return manager


@pytest.fixture
def framed(screen: Screen, own: Windows) -> Iterator[tuple[Windows, XWindow]]:
    """Yield a manager that leaves the focus alone, and the game it manages, which is last in front."""
    game = own.open("Game")
    manager = manage(screen, [own.open("Behind"), game])
    yield manager, game
    manager.close()


def test_frames_and_the_managers_own_windows_are_not_listed(
    framed: tuple[Windows, XWindow], desktop: X11Desktop
) -> None:
    assert [window.title for window in desktop.windows()] == ["Game", "Behind"]
    assert (here(desktop, framed[1].id).left, here(desktop, framed[1].id).top) == (55, 75)


def test_a_focused_frame_is_its_games(framed: tuple[Windows, XWindow], desktop: X11Desktop) -> None:
    manager, game = framed
    game.query_tree().parent.set_input_focus(X.RevertToNone, X.CurrentTime)
    manager.display.sync()
    until(lambda: desktop.focused() == game.id)


def test_while_windows_are_switched_none_has_the_focus(framed: tuple[Windows, XWindow], desktop: X11Desktop) -> None:
    manager, _ = framed
    switcher = manager.open("Switcher", (200, 200, 100, 100), past_manager=True)
    switcher.set_input_focus(X.RevertToNone, X.CurrentTime)
    manager.display.sync()
    assert desktop.focused() is None


def test_a_focus_that_follows_the_pointer_is_where_the_pointer_is(
    framed: tuple[Windows, XWindow], desktop: X11Desktop
) -> None:
    manager, game = framed
    manager.root.warp_pointer(200, 200)
    manager.display.set_input_focus(X.PointerRoot, X.RevertToPointerRoot, X.CurrentTime)
    manager.display.sync()
    assert desktop.focused() == game.id
    manager.root.warp_pointer(630, 470)
    manager.display.sync()
    assert desktop.focused() is None


def look_after(manager: Windows, window: XWindow, state: int = Xutil.NormalState) -> None:
    """Write to a window what a manager from before EWMH writes to it."""
    name = manager.display.get_atom("WM_STATE")
    manager.display.create_resource_object("window", window.id).change_property(name, name, 32, [state, 0])
    manager.display.sync()


@pytest.fixture
def old(screen: Screen, own: Windows) -> Iterator[tuple[Windows, XWindow]]:
    """Yield a manager that frames its windows and knows no EWMH, and the game it manages."""
    manager, game = Windows(screen.display), own.open("Game")
    frame = manager.open("", (50, 50, 330, 270), past_manager=True)
    manager.open("", (0, 0, 330, 20), inside=frame)
    inside = manager.open("", (5, 25, 320, 240), inside=frame)
    manager.display.create_resource_object("window", game.id).reparent(inside.id, 0, 0)
    look_after(manager, game)
    yield manager, game
    manager.close()


def test_a_window_in_the_frame_of_an_old_manager_is_listed_instead_of_it(
    old: tuple[Windows, XWindow], desktop: X11Desktop
) -> None:
    (window,) = desktop.windows()
    assert (window.number, window.title, window.shown) == (old[1].id, "Game", True)
    assert (window.left, window.top, window.width, window.height) == (55, 75, 320, 240)


def test_the_focus_of_an_old_managers_frame_is_its_games(old: tuple[Windows, XWindow], desktop: X11Desktop) -> None:
    manager, game = old
    frame = manager.root.query_tree().children[-1]
    inner = manager.open("", (10, 10, 100, 100), inside=manager.display.create_resource_object("window", game.id))
    for focused in (game, frame, inner):
        manager.display.create_resource_object("window", focused.id).set_input_focus(X.RevertToNone, X.CurrentTime)
        manager.display.sync()
        assert desktop.focused() == game.id


def test_a_window_that_an_old_manager_put_away_is_there_but_not_shown(
    old: tuple[Windows, XWindow], desktop: X11Desktop
) -> None:
    manager, game = old
    manager.root.query_tree().children[-1].unmap()
    look_after(manager, game, Xutil.IconicState)
    (window,) = desktop.windows()
    assert (window.number, window.shown) == (game.id, False)


def test_all_windows_on_a_desktop_of_a_managers_own_are_listed(
    screen: Screen, own: Windows, desktop: X11Desktop
) -> None:
    games, manager = [own.open("Behind"), own.open("Game")], Windows(screen.display)
    around = manager.open("", (0, 0, 640, 480), past_manager=True)
    for game in games:
        manager.display.create_resource_object("window", game.id).reparent(around.id, 0, 0)
        look_after(manager, game)
    assert [window.title for window in desktop.windows()] == ["Game", "Behind"]
    for game in games:
        game.set_input_focus(X.RevertToNone, X.CurrentTime)
        own.display.sync()
        assert desktop.focused() == game.id
    manager.close()


def test_a_manager_that_names_itself_but_not_its_windows_is_taken_for_an_old_one(
    old: tuple[Windows, XWindow], desktop: X11Desktop
) -> None:
    manager, game = old
    check = manager.open("", (-9, -9, 1, 1), past_manager=True)
    for window in (manager.root, check):
        window.change_property(manager.display.get_atom("_NET_SUPPORTING_WM_CHECK"), Xatom.WINDOW, 32, [check.id])
    manager.display.sync()
    assert game.id in numbers(desktop)


def test_a_game_is_found_and_has_the_focus_under_twm(screen: Screen, desktop: X11Desktop, tmp_path: Path) -> None:
    require("twm")
    (tmp_path / "twmrc").write_text("RandomPlacement\nNoGrabServer\n")
    environment = {**os.environ, "DISPLAY": screen.display}
    with ended(subprocess.Popen(["twm", "-f", tmp_path / "twmrc"], env=environment)):
        windows = Windows(screen.display)
        probe = windows.open("", (0, 0, 9, 9))
        until(lambda: probe.query_tree().parent != windows.root, "twm does not start")
        game = windows.open("Game", (40, 60, 320, 240))
        until(lambda: game.query_tree().parent != windows.root)
        found = find(desktop.windows(), title="Game")
        at = windows.root.translate_coords(game.id, 0, 0)
        assert (found.number, found.left, found.top, found.shown) == (game.id, at.x, at.y, True)
        game.set_input_focus(X.RevertToParent, X.CurrentTime)
        windows.display.sync()
        until(lambda: desktop.focused() == game.id)
        windows.close()


@pytest.mark.parametrize("where", [X.NONE, X.PointerRoot])
def test_without_a_manager_too_the_focus_may_be_nowhere_or_follow_the_pointer(
    own: Windows, desktop: X11Desktop, where: int
) -> None:
    game = own.open("Game", (50, 50, 320, 240))
    own.root.warp_pointer(200, 200)
    own.display.set_input_focus(where, X.RevertToPointerRoot, X.CurrentTime)
    own.display.sync()
    assert desktop.focused() == (None if where == X.NONE else game.id)
