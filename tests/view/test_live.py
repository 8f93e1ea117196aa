"""Where a session is shown."""

import io
import threading
from dataclasses import replace

import pytest
from rich.console import Console

from ngrt.session.snapshot import Snapshot
from ngrt.view import live
from ngrt.view.live import open_view
from ngrt.view.progress import progress_bar
from tests.patience import HANG
from tests.view.terminal import Terminal

SHOT = Snapshot(source="video clip.mp4", policy="tiny", pad_name="none", rate=60.0, elapsed=1.0, played=7)


@pytest.fixture(autouse=True)
def a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs these tests."""
    for name in ("CI", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def shown_on(console: Console) -> str:
    with open_view(console) as view:
        view.show(SHOT)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_a_view_is_one_plain_line() -> None:
    text = shown_on(Console(file=io.StringIO(), force_terminal=False))
    assert len(text.splitlines()) == 1
    assert "played 7" in text
    assert "\x1b" not in text


def test_a_log_has_what_happened_once_before_the_figures() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    with open_view(console) as view:
        view.show(SHOT)
        view.show(replace(SHOT, events=2, recent=("1.0 s  lost the focus", "1.5 s  the policy may play again")))
        view.show(replace(SHOT, events=2, recent=("1.0 s  lost the focus", "1.5 s  the policy may play again")))
        view.show(replace(SHOT, events=25, recent=tuple(f"event {number}" for number in range(5, 25))))
    assert isinstance(console.file, io.StringIO)
    lines = [line for line in console.file.getvalue().splitlines() if "rate" not in line]
    assert lines[:2] == ["1.0 s  lost the focus", "1.5 s  the policy may play again"]
    assert lines[2:] == [f"event {number}" for number in range(5, 25)]


def test_what_ended_a_session_is_still_there_when_the_live_view_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(file=Terminal(), force_terminal=True, width=100, height=30)
    with open_view(console) as view:
        view.show(SHOT)
        view.note("stopped by F12; the pad is neutral")
    assert isinstance(console.file, io.StringIO)
    assert "stopped by F12; the pad is neutral" in console.file.getvalue().rpartition("\x1b[?1049l")[2]


def test_on_a_terminal_a_view_is_live_and_gives_the_screen_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    text = shown_on(Console(file=Terminal(), force_terminal=True, width=100, height=30))
    assert "clip.mp4" in text
    assert text.rstrip().endswith("\x1b[?1049l") or "\x1b[?1049l" in text


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[?1049h" not in shown_on(Console(file=Terminal(), force_terminal=True))


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}, {"CLICOLOR_FORCE": "1"}])
def test_what_asks_for_colours_in_a_log_gets_no_live_view_there(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    console = Console(file=io.StringIO())
    assert len(shown_on(console).splitlines()) == 1
    with progress_bar(console) as report:
        report("loading", 0.0)
        report("loading", 0.5)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[1:] == ["  0% loading"]


@pytest.mark.parametrize("variable", [("CI", "true"), ("TERM", ""), ("TERM", "unknown"), ("TTY_INTERACTIVE", "0")])
def test_a_terminal_that_nobody_draws_on_gets_plain_lines(
    variable: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(*variable)
    assert len(shown_on(Console(file=Terminal(), width=100, height=30)).splitlines()) == 1


def test_a_terminal_without_colours_is_drawn_on_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown_on(Console(file=Terminal(), width=100, height=30))
    assert "\x1b[?1049h" in text
    assert "\x1b[38" not in text


def test_the_progress_bar_names_the_stage_and_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(file=Terminal(), force_terminal=True, width=100)
    with progress_bar(console) as report:
        report("writing observe", 0.25)
        report("done", 1.0)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "done" in text
    assert "100%" in text


class Full(io.StringIO):
    """A log on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_log_on_a_full_disk_ends_nothing(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(file=Full(), force_terminal=terminal)
    with open_view(console) as view:
        view.note("opening")
        view.show(SHOT)
        view.note("over")
    with progress_bar(console) as progress:
        progress("writing", 0.5)


def test_a_reader_that_reads_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.05)
    read = threading.Event()

    class Unread(io.StringIO):
        def write(self, text: str) -> int:
            read.wait(HANG)
            return len(text)

    with open_view(Console(file=Unread(), force_terminal=False)) as view:
        for _ in range(50):
            view.note("opening")
    read.set()


def test_a_live_view_gives_the_terminal_back_while_ngrt_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    file = Terminal()
    with open_view(Console(file=file, force_terminal=True)) as view:
        view.show(SHOT)
        assert isinstance(view, live._LiveView)
        view.hold()
        back = len(file.getvalue())
        view.show(SHOT)
        assert file.getvalue()[:back].rstrip().endswith("\x1b[?1049l")
        assert len(file.getvalue()) == back
        view.go_on()
        view.show(SHOT)
        assert len(file.getvalue()) > back
