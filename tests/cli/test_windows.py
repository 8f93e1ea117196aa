"""`ngrt windows`: what can be played, and the command that plays it."""

import dataclasses
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ngrt.cli.commands import run
from ngrt.desktop import processes
from ngrt.desktop.matching import find
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import Window
from ngrt.view.windows import listed, play_command, windows_json, windows_table
from tests.real.x_windows import Windows
from tests.real.xvfb import x_server

GAME = Window(0x400001, "The Game", 41, "game.exe", 0, 0, 1920, 1080)
TERMINAL = Window(0x600001, "me@here: ~", 42, "terminal", 0, 0, 2560, 1440)
TRAY = Window(0x800001, "tray", 43, "panel", 0, 0, 2560, 30, helper=True)

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> FakeDesktop:
    """Stand in for this machine's desktop, on which the terminal has the focus."""
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    fake = FakeDesktop([TERMINAL, GAME, TRAY], TERMINAL.number)
    monkeypatch.setattr("ngrt.desktop.open.open_desktop", lambda display: fake)
    monkeypatch.setattr(processes, "own_line", lambda: frozenset({TERMINAL.pid}))
    return fake


def another(**changes: Any) -> Window:
    return dataclasses.replace(GAME, number=0x400002, **changes)


def test_the_game_is_listed_with_the_command_that_plays_it(desktop: FakeDesktop, capsys: Captured) -> None:
    assert run(["windows"]) == 0
    captured = capsys.readouterr()
    assert "game.exe" in captured.out
    assert "1920 x 1080" in captured.out
    assert "terminal" not in captured.out
    assert "panel" not in captured.out
    assert captured.out.splitlines()[-1] == "play the first: ngrt play ENGINE --process game.exe"
    assert captured.err == ""
    assert desktop.closed


def test_everything_is_listed_where_it_is_asked_for(desktop: FakeDesktop, capsys: Captured) -> None:
    assert run(["windows", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    order = [next(at for at, line in enumerate(lines) if name in line) for name in ("game.exe", "terminal", "panel")]
    assert order == sorted(order)
    assert "shown" in lines[order[0]]
    assert "focused" in lines[order[1]]
    assert "helper" in lines[order[2]]


def test_json_has_the_same_for_programs(desktop: FakeDesktop, capsys: Captured) -> None:
    assert run(["windows", "--json", "--all"]) == 0
    game, terminal, tray = json.loads(capsys.readouterr().out)
    assert game == {
        "process": "game.exe",
        "pid": 41,
        "title": "The Game",
        "left": 0,
        "top": 0,
        "width": 1920,
        "height": 1080,
        "shown": True,
        "focused": False,
        "helper": False,
        "number": GAME.number,
        "play": "ngrt play ENGINE --process game.exe",
    }
    assert terminal["focused"]
    assert tray["helper"]


def test_nothing_to_play_is_said_in_one_line(desktop: FakeDesktop, capsys: Captured) -> None:
    desktop.shown = [TERMINAL, TRAY]
    assert run(["windows"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip() == (
        "no window is open that could be a game's; start the game, or list all windows: ngrt windows --all"
    )
    assert run(["windows", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_wayland_hides_is_said(desktop: FakeDesktop, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    for arguments, hidden in (([], True), (["--display", ":0"], True), (["--display", ":9"], False)):
        assert run(["windows", *arguments]) == 0
        assert ("only the windows of X11 programs are seen" in capsys.readouterr().err) is hidden


def test_no_desktop_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert run(["windows"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip() == "ngrt: no display given and DISPLAY is not set; give one, such as --display :0"


def test_a_desktop_that_goes_away_is_closed(desktop: FakeDesktop, capsys: Captured) -> None:
    desktop.gone = True
    assert run(["windows"]) == 1
    assert "desktop is gone" in capsys.readouterr().err
    assert desktop.closed


def test_windows_of_a_real_display_are_listed(tmp_path: Path, capsys: Captured) -> None:
    with x_server(tmp_path) as screen:
        own = Windows(screen.display)
        own.open("Its title")
        assert run(["windows", "--display", screen.display, "--all", "--json"]) == 0
        (window,) = json.loads(capsys.readouterr().out)
        own.close()
    assert (window["title"], window["pid"], window["width"]) == ("Its title", os.getpid(), 320)
    assert window["play"].endswith(f" --display {screen.display}")


@pytest.mark.parametrize(
    ("window", "others", "command"),
    [
        (GAME, [], "--process game.exe"),
        (another(title="Menu"), [GAME], "--process game.exe --window Menu"),
        (another(title='A "B" C', width=800), [GAME], "--process game.exe --window 'A \"B\" C'"),
        (another(process="The Game.exe", pid=5), [GAME], '--process "The Game.exe"'),
        (another(process="", title="Some $title"), [GAME], "--window 'Some $title'"),
        (another(process="", title=""), [], "--process 41"),
        (another(pid=44), [GAME], "--process 44"),
    ],
)
def test_the_command_names_no_more_than_it_must(window: Window, others: list[Window], command: str) -> None:
    made = play_command([*others, window], window)
    assert made == f"ngrt play ENGINE {command}"
    options = dict(zip(shlex.split(command)[::2], shlex.split(command)[1::2], strict=True))
    assert find([*others, window], options.get("--process"), options.get("--window")) == window


def test_no_command_is_given_for_a_window_that_nothing_tells_from_another() -> None:
    twin = another()
    assert play_command([GAME, twin], twin) is None
    assert windows_json([GAME, twin], [twin], None)[0]["play"] is None
    assert "play the first" not in printed([GAME, twin], [twin])


def test_the_games_come_first_then_the_own_terminal_then_helpers() -> None:
    small = another(width=640)
    windows = [TRAY, TERMINAL, small, GAME]
    assert listed(windows, {42}, everything=True) == [GAME, small, TERMINAL, TRAY]
    assert listed(windows, {42}, everything=False) == [GAME, small]


def printed(windows: list[Window], shown: list[Window], width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(windows_table(windows, shown, None))
    return capture.get()


def test_the_table_fits_80_columns_whatever_the_titles() -> None:
    name = "a-program-with-a-very-long-name-indeed.exe"
    long = another(title="A title " * 20, process=name, left=-1920, top=1080, pid=4_194_304)
    text = printed([GAME, long], [GAME, long])
    assert all(len(line) <= 80 for line in text.splitlines())
    folded = "".join(line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    assert folded == f"game.exe{name}", "a name that cannot be read cannot be typed"
    assert "…" in text
    assert "1920 x 1080" in text
    assert "-1920, 1080" in text


def test_a_title_cannot_steer_the_terminal() -> None:
    evil = another(title="\x1b[31mred\x1b[0m\n[bold]")
    text = printed([evil], [evil])
    assert "\x1b" not in text
    assert "[bold]" in text
