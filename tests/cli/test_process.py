"""`ngrt play` as a process of its own: what it loads, and what interrupts do to it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import ngrt.session.game
from ngrt.cli.commands import run
from ngrt.ending import ENDING
from ngrt.fakes import FakePad
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.recording import RecordingPad
from ngrt.session.game import Game
from ngrt.sources.images import ImageSource
from tests.conftest import PARITY
from tests.patience import HANG

pytestmark = pytest.mark.usefixtures("quick_engines")
UNWANTED = "torch", "transformers", "onnx", "onnxscript", "huggingface_hub", "pyarrow"


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    assert cv2.imwrite(str(path), np.full((90, 160, 3), 90, np.uint8))
    return path


def test_playing_loads_nothing_of_what_building_needs(tiny_bundle: Path, frame: Path) -> None:
    arguments = ["play", str(tiny_bundle), "--image", str(frame), "--duration", "0.5", "--rate", "4", "--steps", "2"]
    code = (
        f"import sys, ngrt, ngrt.cli.commands; code = ngrt.cli.commands.run({arguments!r}); "
        f"print('loaded', [name for name in {UNWANTED!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    assert "loaded []" in done.stdout


class Interrupting(RecordingPad):
    """A pad that sends this process a signal, once, when something has been pressed for a while."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self._number, self._pressed = number, 0

    def send(self, state: PadState) -> None:
        super().send(state)
        self._pressed += state != NEUTRAL
        if state != NEUTRAL and self._pressed == 6:
            os.kill(os.getpid(), self._number)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("number", ENDING)
def test_an_interrupt_ends_play_with_130_its_figures_and_a_neutral_pad(
    number: signal.Signals,
    tiny_bundle: Path,
    frame: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pad = Interrupting(number)
    monkeypatch.setattr(ngrt.session.game, "open_game", lambda *_: Game(ImageSource([frame]), pad))
    arguments = ["play", str(tiny_bundle), "--image", str(frame), "--rate", "20", "--steps", "2", "--hold", "600"]
    assert run(arguments) == 130
    assert any(state != NEUTRAL for state in pad.states)
    assert pad.state == NEUTRAL
    assert "played" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("number", ENDING[:3])
def test_a_signal_before_play_begins_ends_with_130_and_no_traceback(
    number: signal.Signals, tiny_bundle: Path, frame: Path
) -> None:
    arguments = [sys.executable, "-m", "ngrt", "play", str(tiny_bundle), "--image", str(frame), "--rate", "4"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("opening")
    process.send_signal(number)
    _, errors = process.communicate(timeout=HANG)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
def test_a_termination_during_an_export_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "ngrt", "export", str(PARITY / "tiny.pt"), "--out", str(tmp_path / "bundle")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "writing" not in process.stderr.readline():
        assert process.poll() is None
    process.terminate()
    _, errors = process.communicate(timeout=HANG)
    assert process.returncode == 130, errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
def test_an_interrupt_while_python_is_still_loading_ends_with_130_and_no_traceback() -> None:
    code = """
import builtins, signal
from ngrt.__main__ import main

real = builtins.__import__

def interrupted(name, *rest):
    if name == "ngrt.cli.commands":
        signal.raise_signal(signal.SIGINT)
    return real(name, *rest)

builtins.__import__ = interrupted
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 130, done.stderr
    assert done.stderr == ""


def test_the_package_itself_loads_nothing_that_takes_time() -> None:
    code = "import sys, ngrt, ngrt.__main__; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=HANG).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
def test_a_signal_that_the_shell_has_switched_off_stays_switched_off(tiny_bundle: Path, frame: Path) -> None:
    arguments = [sys.executable, "-m", "ngrt", "play", str(tiny_bundle), "--image", str(frame), "--rate", "4"]
    arguments += ["--steps", "2", "--duration", "2"]
    process = subprocess.Popen(["nohup", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while " s  rate" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(ENDING[2])  # SIGHUP
    printed, errors = process.communicate(timeout=HANG)
    assert process.returncode == 0, errors
    assert "played for" in printed


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["loading", "measuring", " s  rate"])
def test_a_signal_at_any_moment_ends_with_130_and_no_traceback(
    moment: str, number: signal.Signals, tiny_bundle: Path, frame: Path
) -> None:
    arguments = [sys.executable, "-m", "ngrt", "play", str(tiny_bundle), "--image", str(frame), "--rate", "4"]
    process = subprocess.Popen([*arguments, "--steps", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while moment not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    printed, errors = process.communicate(timeout=HANG)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert ("played for" in printed) == (moment == " s  rate")


def test_a_session_that_fails_still_prints_its_figures_and_then_the_reason(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pad = FakePad(fail_at=15)
    monkeypatch.setattr(ngrt.session.game, "open_game", lambda *_: Game(ImageSource([frame]), pad))
    assert run(["play", str(tiny_bundle), "--image", str(frame), "--rate", "20", "--steps", "2"]) == 1
    captured = capsys.readouterr()
    assert "played for" in captured.out
    assert "ngrt: fake pad fails" in captured.err
    assert pad.state == NEUTRAL
