"""Consoles that print nothing harmful, whoever prints what."""

import ast
import io
import json
import logging
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from ngrt.cli import app, commands
from ngrt.view.console import HarmlessConsole, guarded_errors
from ngrt.view.live import open_view
from ngrt.view.progress import progress_bar
from tests.test_text import HARM
from tests.view.test_live import SHOT

ROOT = Path(__file__).parents[2]
EVIL = "".join(HARM.values()) + "\x1b[2J\r"


def written(console: HarmlessConsole) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_nothing_that_is_printed_controls_the_terminal() -> None:
    console = HarmlessConsole(file=io.StringIO(), force_terminal=False, width=100)
    table = Table("head " + EVIL, title=EVIL)
    table.add_row(Text(EVIL))
    for what in (EVIL, Text(EVIL), table):
        console.print(what)
    console.out(EVIL)
    with progress_bar(console) as report:
        report(EVIL, 0.5)
    with open_view(console) as view:
        view.note(EVIL)
        view.show(SHOT)
    assert harmless(written(console))


def test_on_a_terminal_only_our_own_styles_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    console = HarmlessConsole(file=io.StringIO(), force_terminal=True, width=100, height=30)
    console.print("fine", style="red")
    with progress_bar(console) as report:
        report(EVIL, 0.5)
    with open_view(console) as view:
        view.note(EVIL)
        view.show(SHOT)
    text = written(console)
    assert "\x1b[31mfine" in text
    assert not any(part in text for part in ("\x1b]0;", "\x9b", "\u202e", "\u200b", "\x07"))


def test_json_is_harmless_before_and_after_it_is_parsed() -> None:
    console = HarmlessConsole(file=io.StringIO())
    console.print_json(data=[{"title": EVIL, EVIL: 1}, "ゲーム"])
    assert harmless(written(console))
    found = json.loads(written(console))
    assert found[0]["title"].isprintable()
    assert found[1] == "ゲーム"


def test_what_libraries_write_to_standard_error_is_harmless_too(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded_errors():
        sys.stderr.writelines([EVIL, EVIL])
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": EVIL}))
        app.err.print("ours", style="red")
    said = capsys.readouterr().err
    assert "ours" in said
    assert all(part.isprintable() for line in said.split("\n") for part in line.split("\r"))


def test_styles_pass_the_guard_of_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with guarded_errors():
        HarmlessConsole(stderr=True, force_terminal=True, color_system="standard").print("ours", style="red")
    assert stream.getvalue() == "\x1b[31mours\x1b[0m\n"


def test_with_its_traceback_an_error_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["--debug", "info", str(tmp_path / f"a{EVIL}.pt")]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert harmless(said)


def test_no_other_console_is_made() -> None:
    made = [
        str(path.relative_to(ROOT))
        for package in ("ngrt", "bench", "export")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Console"
    ]
    assert made == []
