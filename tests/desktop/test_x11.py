"""X11's own ways: displays that hang and die, window managers that are killed, games that go past them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from Xlib import X, Xatom
from Xlib.xobject.drawable import Window as XWindow

from ngrt.desktop import x11_windows
from ngrt.desktop.matching import find
from ngrt.desktop.open import open_desktop
from ngrt.desktop.processes import own_line, process_name, running
from ngrt.desktop.x11 import X11Desktop
from ngrt.errors import SourceError
from ngrt.interfaces import Window
from ngrt.x11 import connection
from tests.real.x_windows import Windows, until
from tests.real.xvfb import Screen, window_manager, x_server

EVERYWHERE = 0xFFFFFFFF


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    with x_server(tmp_path) as server:
        yield server


@pytest.fixture
def desktop(screen: Screen) -> Iterator[X11Desktop]:
    opened = X11Desktop(screen.display)
    yield opened
    opened.close()


@pytest.fixture
def own(screen: Screen) -> Iterator[Windows]:
    """Yield a display without a window manager, to open windows on."""
    windows = Windows(screen.display)
    yield windows
    windows.close()


@pytest.fixture
def managed(screen: Screen, tmp_path: Path) -> Iterator[Windows]:
    """Yield a display with openbox, to open windows on."""
    with window_manager(screen.display):
        windows = Windows(screen.display, managed=True)
        yield windows
        windows.close()


def here(desktop: X11Desktop, number: int) -> Window:
    window = desktop.window(number)
    assert window is not None
    return window


def numbers(desktop: X11Desktop) -> list[int]:
    return [window.number for window in desktop.windows()]


@pytest.mark.parametrize("display", [":4711", "nonsense", "nowhere.invalid:0"])
def test_a_display_that_cannot_be_reached_is_refused_by_name(display: str) -> None:
    with pytest.raises(SourceError, match=f"display {display} cannot be asked .*; check DISPLAY .* Xvfb") as caught:
        open_desktop(display)
    assert "\n" not in str(caught.value)


def test_no_display_at_all_is_refused_with_the_option_that_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceError, match="DISPLAY is not set; give one, such as --display :0"):
        open_desktop()


def test_a_display_that_dies_is_an_error_in_one_line_until_it_is_back(
    screen: Screen, desktop: X11Desktop, tmp_path: Path
) -> None:
    desktop.windows()
    screen.server.kill()
    screen.server.wait()
    for ask in (desktop.windows, desktop.focused, lambda: desktop.window(1)):
        with pytest.raises(SourceError, match=f"display {screen.display} cannot be asked") as caught:
            ask()
        assert "\n" not in str(caught.value)
    with x_server(tmp_path, display=screen.display):
        assert desktop.windows() == []


def test_a_display_that_hangs_is_an_error_and_is_asked_again_when_it_goes_on(
    screen: Screen, desktop: X11Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.3)
    psutil.Process(screen.server.pid).suspend()
    try:
        for _ in range(2):  # while it is asked, then while it is connected to
            with pytest.raises(SourceError, match=f"display {screen.display} has not answered for 0.3 s"):
                desktop.windows()
        with pytest.raises(SourceError, match="has not answered"):
            open_desktop(screen.display)
    finally:
        psutil.Process(screen.server.pid).resume()
    monkeypatch.setattr(connection, "PATIENCE", 10.0)
    assert desktop.windows() == []


def test_closing_does_not_wait_for_a_display_that_hangs(screen: Screen, desktop: X11Desktop) -> None:
    failed: list[SourceError] = []

    def ask() -> None:
        with pytest.raises(SourceError) as caught:
            desktop.windows()
        failed.append(caught.value)

    psutil.Process(screen.server.pid).suspend()
    try:
        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.2)
        start = time.monotonic()
        desktop.close()
        asking.join(3)
        assert failed
        assert time.monotonic() - start < 3
    finally:
        psutil.Process(screen.server.pid).resume()
    with pytest.raises(SourceError, match="was closed"):
        desktop.windows()


def test_several_threads_may_ask_at_once(own: Windows, desktop: X11Desktop) -> None:
    number = own.open("Game").id
    seen: list[bool] = []

    def ask() -> None:
        seen.append(all(numbers(desktop) == [number] and here(desktop, number).title == "Game" for _ in range(20)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4


def test_a_real_game_is_found_by_its_name(game_display: str) -> None:
    desktop = open_desktop(game_display)
    for name in ("xgalaga++", "XGALAGA++.exe", "/usr/games/xgalaga++"):
        game = find(desktop.windows(), name)
        assert (game.title, game.process, game.shown) == ("XGalaga++", "xgalaga++", True)
        assert game.area > 100_000
    desktop.close()


PROGRAM = """
import sys
from tests.real.x_windows import Windows
Windows(sys.argv[1]).open("", (0, 0, 640, 480))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "path", ["C:\\Program Files\\The Game\\TheLongNamedGame.exe", "Z:/home/me/thelongnamedgame.EXE"]
)
def test_a_program_under_wine_has_its_windows_name(screen: Screen, desktop: X11Desktop, path: str) -> None:
    program = subprocess.Popen(
        [path, "-c", PROGRAM, screen.display],
        executable=sys.executable,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"open\n"
        assert running()[program.pid].lower() == "thelongnamedgame.exe"
        for asked in ("thelongnamedgame", "C:\\TheLongNamedGame.exe", "thelongnamedgam", str(program.pid)):
            game = find(desktop.windows(), asked)
            assert (game.pid, game.title, game.width) == (program.pid, "", 640)
    assert process_name(program.pid) == ""


def test_the_servers_word_on_the_owner_goes_before_the_windows_own(own: Windows, desktop: X11Desktop) -> None:
    window = own.open("Game")
    assert here(desktop, window.id).pid == os.getpid()
    window.change_property(own.display.get_atom("_NET_WM_PID"), Xatom.CARDINAL, 32, [1])
    own.display.sync()
    assert here(desktop, window.id).pid == os.getpid()


def test_the_windows_own_word_stands_where_the_server_does_not_know(
    own: Windows, desktop: X11Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = own.open("Game")
    monkeypatch.setattr(x11_windows, "_pids_by_server", lambda display, numbers: {})
    assert here(desktop, window.id).pid is None
    window.change_property(own.display.get_atom("_NET_WM_PID"), Xatom.CARDINAL, 32, [os.getppid()])
    own.display.sync()
    assert here(desktop, window.id).pid == os.getppid()


def test_a_process_that_nobody_may_know_goes_by_its_windows_class(
    own: Windows, desktop: X11Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = own.open("Game")
    window.set_wm_class("game.exe", "steam_app_1145360")
    own.display.sync()
    monkeypatch.setattr(x11_windows, "process_name", lambda pid: "")
    assert here(desktop, window.id).process == "steam_app_1145360"


def test_an_old_title_is_read_in_its_own_encoding(own: Windows, desktop: X11Desktop) -> None:
    window = own.open("")
    window.delete_property(own.display.get_atom("_NET_WM_NAME"))
    window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, "Grün".encode("latin-1"))
    own.display.sync()
    assert here(desktop, window.id).title == "Grün"


def test_a_window_that_can_show_nothing_is_none(own: Windows, desktop: X11Desktop) -> None:
    unseen = own.root.create_window(0, 0, 640, 480, 0, 0, X.InputOnly, X.CopyFromParent)
    unseen.map()
    own.display.sync()
    assert desktop.window(unseen.id) is None
    assert unseen.id not in numbers(desktop)


@pytest.mark.parametrize("kind", ["DOCK", "SPLASH", "TOOLTIP", "NOTIFICATION", "DESKTOP"])
def test_what_the_window_says_it_is_makes_it_a_helper(own: Windows, desktop: X11Desktop, kind: str) -> None:
    assert here(desktop, own.open("Game", kinds=[kind]).id).helper
    assert not here(desktop, own.open("Game", kinds=["NORMAL", kind]).id).helper, "the first that is known counts"


def test_dialogs_and_what_the_taskbar_leaves_out_are_helpers(own: Windows, desktop: X11Desktop) -> None:
    game, dialog, overlay, alone = (own.open("Game") for _ in range(4))
    dialog.set_wm_transient_for(game)
    alone.set_wm_transient_for(own.root)
    own.set_atoms(overlay, "_NET_WM_STATE", ["_NET_WM_STATE_ABOVE", "_NET_WM_STATE_SKIP_TASKBAR"])
    assert [here(desktop, window.id).helper for window in (game, dialog, overlay, alone)] == [False, True, True, False]


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


@pytest.mark.parametrize("where", [X.NONE, X.PointerRoot])
def test_without_a_manager_too_the_focus_may_be_nowhere_or_follow_the_pointer(
    own: Windows, desktop: X11Desktop, where: int
) -> None:
    game = own.open("Game", (50, 50, 320, 240))
    own.root.warp_pointer(200, 200)
    own.display.set_input_focus(where, X.RevertToPointerRoot, X.CurrentTime)
    own.display.sync()
    assert desktop.focused() == (None if where == X.NONE else game.id)


def test_this_process_and_those_that_started_it_are_known() -> None:
    assert {os.getpid(), os.getppid()} <= own_line()
    assert process_name(os.getpid()) == running()[os.getpid()]
