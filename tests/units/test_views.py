"""Where a session is shown."""

import io

import pytest
from rich.console import Console

from ngrt.dashboard import Snapshot
from ngrt.views import open_view, progress_bar

SHOT = Snapshot(source="video clip.mp4", policy="tiny", pad_name="none", rate=60.0, elapsed=1.0, played=7)


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


def test_on_a_terminal_a_view_is_live_and_gives_the_screen_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    text = shown_on(Console(file=io.StringIO(), force_terminal=True, width=100, height=30))
    assert "clip.mp4" in text
    assert text.rstrip().endswith("\x1b[?25h") or "\x1b[?1049l" in text


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[?1049h" not in shown_on(Console(file=io.StringIO(), force_terminal=True))


def test_the_progress_bar_names_the_stage_and_its_share() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_bar(console) as report:
        report("writing observe", 0.25)
        report("done", 1.0)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "done" in text
    assert "100%" in text
