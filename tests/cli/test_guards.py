"""`ngrt play` with what may take the pad from the policy: what a person reads, and how it ends."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

import ngrt.session.game
from ngrt.cli.commands import run
from ngrt.control.watches import FocusGuard, PanicKey, TakeoverKey
from ngrt.errors import SourceError
from ngrt.fakes import FakeDesktop, FakeKeys
from ngrt.interfaces import Watch, Window
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.recording import RecordingPad
from ngrt.session.game import Game
from ngrt.sources.images import ImageSource
from ngrt.view.live import _PlainView
from tests.patience import HANG

pytestmark = pytest.mark.usefixtures("quick_engines")
ARGUMENTS = ["--rate", "20", "--steps", "2", "--hold", "600"]


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    assert cv2.imwrite(str(path), np.full((90, 160, 3), 90, np.uint8))
    return path


class Played(RecordingPad):
    """A pad that calls ``then`` at some of the updates that press something, by their number."""

    def __init__(self, then: dict[int, Callable[[], object]]) -> None:
        super().__init__()
        self._then, self._pressed = then, 0

    def send(self, state: PadState) -> None:
        super().send(state)
        self._pressed += state != NEUTRAL
        if state != NEUTRAL:
            self._then.get(self._pressed, lambda: None)()


class Distracted(RecordingPad):
    """A pad whose game loses the focus once it is played, and has it again after 8 neutral updates in a row."""

    def __init__(self, desktop: FakeDesktop) -> None:
        super().__init__()
        self._desktop, self._neutral = desktop, 0

    def send(self, state: PadState) -> None:
        super().send(state)
        if state == NEUTRAL and self._desktop.focus is None:
            self._neutral += 1
            self._desktop.focus = 1 if self._neutral == 8 else None
        elif state != NEUTRAL and not self._neutral:
            self._desktop.focus = None


@contextmanager
def playing(patch: pytest.MonkeyPatch, frame: Path, pad: RecordingPad, watches: Sequence[Watch]) -> Iterator[None]:
    with patch.context() as patched:
        patched.setattr(ngrt.session.game, "open_game", lambda *_: Game(ImageSource([frame]), pad, watches=watches))
        yield


def test_the_panic_key_ends_play_with_130_its_figures_and_a_neutral_pad(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = FakeKeys()
    pad = Played({5: lambda: keys.down.add("F12")})
    with playing(monkeypatch, frame, pad, [PanicKey(keys, "F12")]):
        assert run(["play", str(tiny_bundle), "--image", str(frame), *ARGUMENTS]) == 130
    captured = capsys.readouterr()
    assert "played for" in captured.out
    assert captured.err.splitlines()[-1] == "stopped by F12; the pad is neutral"
    assert pad.states[-2] != NEUTRAL
    assert pad.state == NEUTRAL
    assert keys.closed


def test_a_log_says_when_the_focus_was_lost_and_when_the_policy_played_again(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desktop = FakeDesktop([Window(1, "", 100, "game.exe", 0, 0, 640, 480)], focus=1)
    keys, pad, noted = FakeKeys(), Distracted(desktop), _PlainView.note

    def note(view: _PlainView, text: str) -> None:
        noted(view, text)
        if "may play again" in text:
            keys.down.add("F12")

    monkeypatch.setattr(_PlainView, "note", note)
    with playing(monkeypatch, frame, pad, [FocusGuard(desktop, lambda: 1, "game.exe"), PanicKey(keys, "F12")]):
        assert run(["play", str(tiny_bundle), "--image", str(frame), *ARGUMENTS]) == 130
    captured = capsys.readouterr()
    lost, back = (line for line in captured.err.splitlines() if "focus" in line[:40] or "may play again" in line)
    assert lost.endswith("s  game.exe lost the focus; pad neutral (--no-focus-guard plays on)")
    assert back.endswith("s  the policy may play again")
    assert "blocked, 0 by hand" in captured.out
    assert pad.state == NEUTRAL
    assert desktop.closed


def test_ticks_that_a_person_had_are_counted_as_theirs(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = FakeKeys({"LeftAlt"})
    with playing(monkeypatch, frame, RecordingPad(), [TakeoverKey(keys, "LeftAlt")]):
        assert run(["play", str(tiny_bundle), "--image", str(frame), "--duration", "1", *ARGUMENTS]) == 0
    assert re.search(r"0 blocked, [1-9]\d* by hand", capsys.readouterr().out)


def test_a_desktop_that_disappears_ends_play_with_the_reason(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desktop = FakeDesktop([Window(1, "", 100, "game.exe", 0, 0, 640, 480)], focus=1)
    pad = Played({5: lambda: setattr(desktop, "gone", True)})
    with playing(monkeypatch, frame, pad, [FocusGuard(desktop, lambda: 1, "game.exe")]):
        assert run(["play", str(tiny_bundle), "--image", str(frame), *ARGUMENTS]) == 1
    captured = capsys.readouterr()
    assert "ngrt: fake desktop is gone" in captured.err
    assert "played for" in captured.out
    assert pad.state == NEUTRAL


def test_a_watch_that_does_not_close_does_not_keep_the_process(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ngrt.session.game, "PATIENCE", 0.1)
    release = threading.Event()

    class Hung(FakeKeys):
        def close(self) -> None:
            release.wait(HANG)
            raise SourceError("too late")

    with playing(monkeypatch, frame, RecordingPad(), [PanicKey(Hung(), "F12")]):
        assert run(["play", str(tiny_bundle), "--image", str(frame), "--duration", "0.5", *ARGUMENTS]) == 0
    assert not release.is_set()
    release.set()
    assert "played for" in capsys.readouterr().out


def test_a_session_that_a_guard_never_let_play_says_why(
    tiny_bundle: Path, frame: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desktop = FakeDesktop([Window(1, "", 100, "game.exe", 0, 0, 640, 480)])
    with playing(monkeypatch, frame, RecordingPad(), [FocusGuard(desktop, lambda: 1, "game.exe")]):
        assert run(["play", str(tiny_bundle), "--image", str(frame), "--duration", "1", *ARGUMENTS]) == 0
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "nothing was played: game.exe lost the focus; pad neutral (--no-focus-guard plays on)"
