"""X11's own ways: displays that hang and die, window managers that are killed, games that go past them."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from Xlib import X, Xatom

from ngrt.desktop import x11_windows
from ngrt.desktop.matching import find
from ngrt.desktop.open import open_desktop
from ngrt.desktop.processes import other_names, own_line, process_name, running
from ngrt.desktop.x11 import X11Desktop
from ngrt.errors import SourceError
from ngrt.x11 import connection
from tests.desktop.windows import here, numbers
from tests.patience import HANG
from tests.real.x_windows import Windows
from tests.real.xvfb import Screen, x_server


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
        asking.join(HANG)
        assert failed
        assert time.monotonic() - start < HANG
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
from tests.desktop.windows import here, numbers
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


RENAMED = """
import ctypes, sys
if name := sys.argv.pop(1):
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
exec(sys.argv.pop(1))
"""


@contextmanager
def started(folder: Path, file: bytes, thread: str, display: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a window as the program ``file``, whose main thread calls itself ``thread``, until the block ends."""
    program = os.path.join(os.fsencode(folder), file)
    shutil.copy(os.path.realpath(os.fsencode(sys.executable)), program)
    with subprocess.Popen(
        [program, b"-c", RENAMED.encode(), thread.encode(), PROGRAM.encode(), display.encode(), b"J\xfcrgen"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHOME": sys.base_prefix},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process


@pytest.mark.parametrize(
    ("file", "thread", "asked"),
    [
        (b"StarQuest-Linux-Shipping", "GameThread", ["StarQuest-Linux-Shipping", "starquest-linux", "GameThread"]),
        (b"SmallGame", "", ["smallgame", "SmallGame.exe"]),
        (b"J\xfcrgen", "", ["J\udcfcrgen", "Jürgen", "JÜRGEN"]),
        (b"J\xfcrgens-quest-for-more", "RenderThread 1", ["Jürgens-quest-for-more", "RenderThread 1"]),
    ],
)
def test_a_game_is_found_by_the_name_of_its_file_and_of_its_thread(
    screen: Screen, desktop: X11Desktop, tmp_path: Path, file: bytes, thread: str, asked: list[str]
) -> None:
    with started(tmp_path, file, thread, screen.display) as program:
        assert os.fsencode(process_name(program.pid)) == file
        for name in asked:
            assert find(desktop.windows(), name, running=running()).pid == program.pid
        with pytest.raises(SourceError, match="no process nobody"):
            find(desktop.windows(), "nobody", running=running())


def test_a_game_is_found_by_the_file_that_an_interpreter_runs(
    screen: Screen, desktop: X11Desktop, tmp_path: Path
) -> None:
    (tmp_path / "celeste.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "-X", "utf8", tmp_path / "celeste.py", screen.display, "notes.txt"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"open\n"
        assert "celeste.py" in other_names(program.pid)
        assert find(desktop.windows(), "celeste.py").pid == program.pid
    assert other_names(program.pid) == ()


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


@pytest.mark.parametrize("kind", ["STRING", "COMPOUND_TEXT", "UTF8_STRING"])
@pytest.mark.parametrize(
    ("data", "title"),
    [("Grün".encode(), "Grün"), (b"\x1b%GGr\xc3\xbcn\x1b%@", "Grün"), (b"Gr\xfcn", "Grün"), (b"\x1b-AGr\xfcn", "Grün")],
)
def test_a_title_is_read_whatever_it_says_that_it_is(
    own: Windows, desktop: X11Desktop, kind: str, data: bytes, title: str
) -> None:
    window = own.open("")
    window.delete_property(own.display.get_atom("_NET_WM_NAME"))
    window.change_property(Xatom.WM_NAME, own.display.get_atom(kind), 8, data)
    own.display.sync()
    read = here(desktop, window.id).title
    assert read == title or (kind == "UTF8_STRING" and "\N{REPLACEMENT CHARACTER}" in read)


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


def test_this_process_and_those_that_started_it_are_known() -> None:
    assert {os.getpid(), os.getppid()} <= own_line()
    assert process_name(os.getpid()) == running()[os.getpid()]
