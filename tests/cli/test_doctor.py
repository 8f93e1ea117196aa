"""``ngrt doctor`` as a whole: its table, its verdict, its exit code."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ngrt.cli.commands import run
from ngrt.doctor import checks, report
from ngrt.doctor.checks import Check, Entry, Finding, State
from tests.doctor.patient import patiently

NAMES = [check.name for check in report.checks(None, Path())]
FIX = "mend it"
ROOT = Path(__file__).parents[2]


def entries(**states: State) -> list[Entry]:
    """Return a machine on which everything is good but what is said."""
    spelled = {name.replace("_", " "): state for name, state in states.items()}
    assert set(spelled) <= set(NAMES)
    findings = {name: Finding(spelled.get(name, "good"), "so", f"{FIX} {name}") for name in NAMES}
    return [Entry(Check(name, partial(Finding, "good", "")), finding) for name, finding in findings.items()]


def test_all_can_be_played_where_nothing_is_amiss(tmp_path: Path) -> None:
    verdict = report.judge(entries(), ":5", tmp_path)
    assert verdict.playable
    assert verdict.games == {
        "arcade": "ngrt play",
        "a video": "ngrt play ENGINE --video FILE",
        "the display": "ngrt play ENGINE --display :5 --pad xbox",
        "a window": "ngrt play ENGINE --process GAME --display :5 --pad xbox",
    }
    assert verdict.next.startswith("ngrt export")


def test_an_engine_that_was_made_already_is_named(tmp_path: Path) -> None:
    for name in ("arcade", "mine"):
        (tmp_path / "engines" / name).mkdir(parents=True)
        (tmp_path / "engines" / name / "manifest.json").touch()
    verdict = report.judge(entries(), None, tmp_path)
    assert verdict.next == "ngrt play engines/mine --process GAME --pad xbox"


def test_the_keyboard_stands_in_for_a_pad_that_cannot_be_made(tmp_path: Path) -> None:
    verdict = report.judge(entries(pad_test="missing"), ":5", tmp_path)
    assert verdict.pads == ["keyboard"]
    assert verdict.games["the display"].endswith("--pad keyboard")


def test_without_a_display_the_arcade_is_left_and_a_video_to_watch(tmp_path: Path) -> None:
    verdict = report.judge(entries(capture="missing", display="missing"), None, tmp_path)
    assert verdict.playable
    assert set(verdict.games) == {"arcade", "a video"}
    assert verdict.next == "ngrt play"


def test_without_an_engine_runner_nothing_can_be_played(tmp_path: Path) -> None:
    lacking = entries(onnx_runtime="missing", arcade="missing", openvino="missing", tensorrt="limited")
    verdict = report.judge(lacking, None, tmp_path)
    assert not verdict.playable
    assert verdict.games == {}
    assert verdict.next == f"{FIX} onnx runtime"


def test_a_video_alone_is_nothing_to_play(tmp_path: Path) -> None:
    lacking = entries(arcade="missing", capture="missing")
    verdict = report.judge(lacking, None, tmp_path)
    assert not verdict.playable


def test_a_window_needs_something_that_lists_windows(tmp_path: Path) -> None:
    assert "a window" not in report.judge(entries(windows="missing"), None, tmp_path).games


def test_the_command_prints_a_table_on_standard_output_and_what_it_does_on_the_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(checks, "guarded", patiently)
    assert run(["doctor"]) == 0, "the arcade can be played anywhere"
    captured = capsys.readouterr()
    for name in NAMES:
        assert any(line.startswith(name) for line in captured.out.splitlines()), name
        assert name in captured.err
    assert "what can be played here" in captured.out


def test_json_is_all_that_is_printed_and_has_every_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = [Check(name, partial(Finding, "good", "there")) for name in NAMES]
    monkeypatch.setattr(report, "checks", lambda display, folder: machine)
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in told["checks"]] == NAMES
    assert told["verdict"]["playable"] is True


def test_a_machine_on_which_nothing_can_be_played_is_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = [Check(name, lambda: Finding("missing", "not there", FIX)) for name in NAMES]
    monkeypatch.setattr(report, "checks", lambda display, folder: machine)
    assert run(["doctor"]) == 1
    assert "nothing can be played here" in capsys.readouterr().out


def test_neither_torch_nor_the_network_is_touched() -> None:
    program = (
        "import socket, sys\n"
        "def refuse(self, address):\n"
        "    assert self.family == socket.AF_UNIX, f'reached for {address}'\n"
        "    raise ConnectionRefusedError\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = lambda *a, **k: (_ for _ in ()).throw(AssertionError('asked for a name'))\n"
        "from ngrt.cli.commands import run\n"
        "from ngrt.doctor import checks\n"
        "from tests.doctor.patient import patiently\n"
        "checks.guarded = patiently\n"
        "code = run(['doctor', '--json'])\n"
        "assert 'torch' not in sys.modules\n"
        "sys.exit(code)\n"
    )
    alone = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, env=alone)
    assert done.returncode == 0, done.stderr
    assert "AssertionError" not in done.stdout
