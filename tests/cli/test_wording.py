"""`A fault in ngrt` is said of faults in ngrt alone; of everything else, what it is and what helps."""

import errno
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ngrt.cli.commands import run
from ngrt.cli.wording import error_line
from ngrt.errors import PadError
from tests.cli.said import Captured, complaint

ARCADE = str(Path(__file__).parents[2] / "engines" / "arcade")
FAULT = "a fault in ngrt"


def raised(provoke: Callable[[], object]) -> BaseException:
    """Return what ``provoke`` really raises."""
    try:
        provoke()
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError("nothing was raised")


def no_attribute() -> object:
    return ModuleType("onnxruntime").InferenceSession  # what an uninstalled package leaves


MACHINE: dict[str, list[BaseException]] = {
    "not enough memory": [
        MemoryError(),
        raised(lambda: np.zeros(2**60, np.uint8)),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried to"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    "threads": [RuntimeError("can't start new thread"), OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))],
    "ulimit -n": [OSError(errno.EMFILE, os.strerror(errno.EMFILE))],
    "No space left": [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "result.json")],
    "may read and write": [PermissionError(errno.EACCES, os.strerror(errno.EACCES), "x")],
    "in order": [OSError(errno.EIO, os.strerror(errno.EIO))],
    "run the command again": [InterruptedError(errno.EINTR, os.strerror(errno.EINTR))],
    "gone.txt": [raised(lambda: Path("gone.txt").read_text())],
    "not UTF-8": [raised(lambda: b"\xff".decode()), raised(lambda: "\udce9".encode())],
    "onnxruntime is missing or broken": [raised(no_attribute)],
    "nothing_such is missing or broken": [raised(lambda: importlib.import_module("nothing_such"))],
    "this installation of ngrt is not whole": [raised(lambda: importlib.import_module("ngrt.nothing"))],
    "the pad is gone": [ExceptionGroup("tasks", [ValueError("x"), ExceptionGroup("", [PadError("the pad is gone")])])],
}  # fmt: skip


@pytest.mark.parametrize(("words", "error"), [(words, error) for words, errors in MACHINE.items() for error in errors])
def test_what_a_machine_an_installation_or_a_file_causes_is_told_as_that(words: str, error: BaseException) -> None:
    line = error_line(error)
    assert words in line
    assert FAULT not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "error", [ValueError("odd\nthing"), KeyError("x"), AssertionError(), AttributeError("None has no x")]
)
def test_the_rest_is_a_fault_in_one_line(error: Exception) -> None:
    line = error_line(error)
    assert FAULT in line
    assert "\n" not in line


def test_a_broken_library_is_named_with_the_package_that_brings_it() -> None:
    assert "pip install --force-reinstall onnxruntime" in error_line(raised(no_attribute))


HUGE, NAN = "9" * 400, "nan"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "arguments",
    [
        ["info", ""],
        ["info", "\0"],
        ["info", "a" * 5000],
        ["info", "\udce9"],
        ["info", "/dev/null"],
        ["info", "."],
        ["predict", ARCADE],
        ["predict", ARCADE, "."],
        ["predict", ARCADE, "\0"],
        ["predict", ARCADE, "FRAME", "--steps", HUGE],
        ["predict", ARCADE, "FRAME", "--steps", "999999999"],
        ["predict", ARCADE, "FRAME", "--guidance", NAN],
        ["predict", ARCADE, "FRAME", "--noise", "."],
        ["predict", ARCADE, "FRAME", "--noise", "FRAME"],
        ["predict", ARCADE, "FRAME", "--game", "\udce9"],
        ["predict", ARCADE, "FRAME", "--out", "none/x.npz"],
        ["predict", ARCADE, "FRAME", "--out", "."],
        ["play", "--duration", NAN],
        ["play", "--rate", NAN],
        ["play", "--video", ".", "--duration", "1"],
        ["play", ARCADE, "--video", "."],
        ["play", ARCADE, "--video", "\0"],
        ["play", ARCADE, "--image", "\0"],
        ["play", ARCADE, "--display", "\0"],
        ["play", ARCADE, "--display", ":99999"],
        ["play", ARCADE, "--display", "nowhere.invalid:1"],
        ["play", ARCADE, "--image", "FRAME", "--keys", "\0", "--pad", "keyboard"],
        ["play", ARCADE, "--image", "FRAME", "--keys", ".", "--pad", "keyboard"],
        ["windows", "--display", "\0"],
        ["windows", "--display", "\udce9"],
        ["synth", "--size", "tiny", "--out", ""],
        ["synth", "--size", "tiny", "--out", "."],
        ["synth", "--size", "tiny", "--out", "none/x.pt"],
        ["synth", "--size", "tiny", "--out", "\0"],
        ["export", "", "--out", "x"],
        ["export", "\0", "--out", "x"],
        ["export", "/dev/null", "--out", "x"],
        ["export", ".", "--out", "x"],
        ["bench", "--json", "\0"],
        ["bench", "--html", "none/x.html"],
        ["bench", "--html", "."],
        ["bench", "--engine", "\0"],
        ["bench", "--limits", "."],
        ["bench", "--limits", "\0"],
        ["bench", "compare", ".", "."],
        ["bench", "compare", "\0", "/dev/null"],
        ["bench", "compare", "/dev/null", "/dev/null"],
        ["bench", "budgets", "."],
        ["bench", "report", ".", "--html", "x.html"],
        ["--config", "\0", "play"],
        ["--config", ".", "play"],
        ["--config", "FRAME", "play"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40].encode("ascii", "backslashreplace").decode().replace("\0", "NUL"),
)  # fmt: skip
def test_nothing_that_is_given_is_a_fault_in_ngrt(arguments: list[str], frame: Path, capsys: Captured) -> None:
    assert run([str(frame) if word == "FRAME" else word for word in arguments]) in (1, 2)
    line = complaint_last(capsys)
    assert FAULT not in line
    assert "Traceback" not in line


def complaint_last(capsys: Captured) -> str:
    """Return the error's line; notes may come before it."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.strip().splitlines()[-1]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("library", ["av", "cv2", "onnxruntime", "psutil", "Xlib", "mss"])
def test_a_library_that_is_missing_is_named(
    library: str, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)

    def fail(*_: Any, **__: Any) -> None:
        importlib.import_module(library)

    monkeypatch.setattr("ngrt.session.play.play", fail)
    assert run(["play"]) == 1
    assert library in (line := complaint(capsys))
    assert "install" in line
    assert FAULT not in line
