"""Standard output carries results only, and JSON where that was asked for, whatever libraries print and fail with."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ngrt.cli.commands import run
from ngrt.cli.output import out, print_json
from ngrt.doctor import report
from ngrt.doctor.checks import Check, Finding
from ngrt.errors import PadError
from tests.cli.said import Captured
from tests.patience import HANG

ROOT = Path(__file__).parents[2]
ARCADE = str(ROOT / "engines" / "arcade")
NOISE = r"""
import ctypes, os, sys
import ngrt.doctor.report, ngrt.policy.bundle
from ngrt.__main__ import main
from ngrt.doctor.checks import Check, Finding

def noise(*arguments, **options):
    print("NOISE of Python")
    sys.stdout.flush()
    os.write(1, b"NOISE of a descriptor\n")
    ctypes.CDLL(None).puts(b"NOISE of C")
    return Finding("good", "there")

def noisy(function):
    return lambda *arguments: (noise(), function(*arguments))[1]

names = [check.name for check in ngrt.doctor.report.checks(None, None)]
ngrt.doctor.report.checks = lambda *_: [Check(name, noise) for name in names]
ngrt.policy.bundle.read_manifest = noisy(ngrt.policy.bundle.read_manifest)
main(sys.argv[1:])
"""


def process(*arguments: str, program: str = NOISE, **streams: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run(command, text=True, timeout=HANG, check=False, cwd=ROOT, **pipes)


@pytest.mark.skipif(sys.platform == "win32", reason="C's library is found as on POSIX")
def test_what_libraries_print_from_python_and_from_c_goes_to_standard_error() -> None:
    done = process("info", ARCADE)
    assert done.returncode == 0, done.stderr
    assert "NOISE" not in done.stdout
    assert "engine bundle arcade" in done.stdout
    for source in ("Python", "a descriptor", "C"):
        assert f"NOISE of {source}" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="C's library is found as on POSIX")
def test_json_is_a_document_whatever_libraries_print() -> None:
    told = json.loads(process("doctor", "--json").stdout)
    assert told["verdict"]["playable"] is True


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["play", "--help"], ["info", ARCADE]])
def test_help_version_and_tables_are_results(arguments: list[str]) -> None:
    done = process(*arguments, program="import sys; from ngrt.__main__ import main; main(sys.argv[1:])")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert done.stderr == ""


MAIN = "import sys; from ngrt.__main__ import main; main(sys.argv[1:])"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such device")
def test_a_full_disk_under_standard_output_is_told_as_that() -> None:
    with Path("/dev/full").open("w") as full:
        done = process("info", ARCADE, program=MAIN, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("ngrt: standard output cannot be written (No space left on device)")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="shells close descriptors as on POSIX")
@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), ("| true", 0)])
def test_a_stream_that_is_closed_or_read_by_nobody_is_no_fault(closed: str, code: int) -> None:
    line = f"{sys.executable} -c '{MAIN}' info {ARCADE} {closed}"
    done = subprocess.run(["bash", "-c", line], timeout=HANG, check=False, stderr=subprocess.PIPE)
    assert done.returncode == code
    assert done.stderr == b""


ALL = [check.name for check in report.checks(None, Path())]


def test_json_has_neither_colours_nor_infinities_nor_broken_letters(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_json(
        {"a": [float("nan"), 1.5, float("inf")], "b\udce9": Path("x"), "c": "é\x1b[31m\u202e", "d": None, "e": True}
    )
    told = capsys.readouterr().out
    assert told.isascii()
    assert "\x1b" not in told
    assert json.loads(told) == {"a": [None, 1.5, None], "b?": "x", "c": "é\ufffd[31m\ufffd", "d": None, "e": True}


def fails(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PadError("no pad", value=3, limit="one is needed", remedy="plug it in"), 1),
        (KeyboardInterrupt(), 130),
        (ValueError("odd"), 1),
    ],
)
@pytest.mark.parametrize("place", ["ngrt.doctor.report.examine", "ngrt.desktop.open.open_desktop"])
def test_json_says_what_failed_where_there_is_nothing_else_to_say(
    place: str, error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(place, fails(error))
    assert run(["doctor" if "doctor" in place else "windows", "--json"]) == code
    told = json.loads(capsys.readouterr().out)["error"]
    assert told.keys() == {"problem", "value", "limit", "remedy"}
    if isinstance(error, PadError):
        assert told == {"problem": "no pad", "value": 3, "limit": "one is needed", "remedy": "plug it in"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["windows", "--json", "--nothing"],
        ["doctor", "--jso", "--json"],
        ["bench", "--json", "-", "nosuite"],
        ["bench", "nosuite", "--json=-"],
        ["--config", "gone.toml", "doctor", "--json"],
    ],
)
def test_wrong_usage_is_json_too_where_json_is_asked_for(arguments: list[str], capsys: Captured) -> None:
    assert run(arguments) in (1, 2)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["problem"]
    assert len(captured.err.splitlines()) == 1


def test_where_json_goes_to_a_file_an_error_is_told_on_standard_error_alone(capsys: Captured) -> None:
    assert run(["bench", "nosuite", "--json", "result.json"]) == 2
    assert capsys.readouterr().out == ""


def test_json_is_printed_once_though_something_fails_afterwards(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    machine = [Check(name, partial(Finding, "good", "there")) for name in ALL]
    monkeypatch.setattr(report, "checks", lambda display, folder: machine)
    printed = out.out

    def then_fail(*objects: object, **options: object) -> None:
        printed(*objects, **options)
        raise PadError("late")

    monkeypatch.setattr(out, "out", then_fail)
    assert run(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"]["playable"] is True
