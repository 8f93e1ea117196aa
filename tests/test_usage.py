"""Nothing phones home: what ngrt's commands and its library write into an empty home, and whom they connect to."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ngrt.usage import ALLOW, SWITCHES
from tests.conftest import PARITY
from tests.patience import HANG

ARCADE = str(Path(__file__).parents[1] / "engines" / "arcade")
LIBRARY = f"""
import numpy as np, ngrt
for backend in ("cpu", "openvino"):
    with ngrt.load_policy({ARCADE!r}, backend=backend) as policy:
        policy.predict([np.zeros((9, 9, 3), np.uint8)])
"""
COMMANDS = {
    "the library": ["-c", LIBRARY],
    "play": ["-m", "ngrt", "play", "--duration", "1"],
    "doctor": ["-m", "ngrt", "doctor"],
    "bench": ["-m", "ngrt", "bench", "startup", "--samples", "2"],
    "info": ["-m", "ngrt", "info", str(PARITY / "tiny.pt")],
}
REPORTS_NOT = ("CI", "TF_BUILD", "JENKINS_URL")
"""Variables that keep some libraries from reporting anyway."""

CHECKED = re.compile(r"(\.cache/)?ngrt/verified/[0-9a-f]{32}\.txt")
"""ngrt's own note that an engine was checked on this machine."""

ELSEWHERE = re.compile(r"(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?.*")


@dataclass(frozen=True)
class Seen:
    """What a process wrote into its home, and the system calls by which it reached for an address."""

    written: list[str]
    reached: list[str]


def watched(arguments: list[str], folder: Path, **variables: str) -> Seen:
    """Run Python in an empty home and look; without strace, whom it connects to is not seen."""
    home = folder / "home"
    home.mkdir()
    dropped = (*REPORTS_NOT, *SWITCHES, ALLOW, "DO_NOT_TRACK", "DISPLAY")
    kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("XDG_")}
    places = {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home), "TMPDIR": str(folder)}
    trace = folder / "trace"
    strace = ["strace", "-qq", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", str(trace)] if traceable() else []
    subprocess.run(
        [*strace, sys.executable, *arguments],
        env=kept | places | {"PYTHONDONTWRITEBYTECODE": "1"} | variables,
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=HANG,
    )
    reached = ELSEWHERE.findall(trace.read_text("utf-8", "replace")) if strace else []
    written = (path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
    return Seen(sorted(name for name in written if not CHECKED.fullmatch(name)), reached)


NOBODY = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
"""Lets a library that reports reach nobody."""


def traceable() -> bool:
    """Return whether strace is here, and may be used."""
    return (
        shutil.which("strace") is not None
        and subprocess.run(["strace", "-qq", "-f", "--seccomp-bpf", "-o", os.devnull, "true"]).returncode == 0
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_left_in_an_empty_home_and_nobody_is_connected_to(name: str, tmp_path: Path) -> None:
    assert watched(COMMANDS[name], tmp_path) == Seen([], [])


def test_an_export_leaves_nothing_in_an_empty_home_and_connects_to_nobody(tmp_path: Path) -> None:
    arguments = ["-m", "ngrt", "export", str(PARITY / "tiny.pt"), "--out", "bundle"]
    assert watched(arguments, tmp_path) == Seen([], [])


LOADED = "import onnxruntime, os; print(os.environ.get('ORT_DISABLE_TELEMETRY'))"


@pytest.mark.skipif(sys.platform == "win32", reason="ONNX Runtime has another way of reporting there")
@pytest.mark.parametrize("choice", [{ALLOW: "1"}, {"ORT_DISABLE_TELEMETRY": "0"}])
def test_a_person_can_let_onnx_runtime_report(choice: dict[str, str], tmp_path: Path) -> None:
    """And so the test above sees what it is meant to see."""
    seen = watched(["-c", f"import ngrt; {LOADED}"], tmp_path, **NOBODY, **choice)
    assert any("onnxruntime" in name for name in seen.written)


def test_a_person_can_let_openvino_report(tmp_path: Path) -> None:
    script = "from ngrt.inference.openvino import import_openvino; import_openvino()"
    assert watched(["-c", script], tmp_path, **NOBODY, **{ALLOW: "1"}).written != []


@pytest.mark.parametrize("package", ["ngrt", "ngrt.usage", "ngrt.errors", "export", "bench"])
def test_the_switches_are_set_by_whatever_is_imported_first(package: str, tmp_path: Path) -> None:
    said = f"import {package}, os, sys; sys.exit(not all(os.environ.get(name) for name in {list(SWITCHES)!r}))"
    watched(["-c", said], tmp_path)


def test_an_empty_variable_is_no_choice_and_is_set(tmp_path: Path) -> None:
    empty = dict.fromkeys(SWITCHES, "")
    assert watched(["-c", f"import ngrt; {LOADED}"], tmp_path, **empty).written == []
