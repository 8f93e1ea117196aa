"""What lets go of the keys of a process that is killed, or stands still: it is there, it hears, it is replaced."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ngrt.errors import PadError
from ngrt.keyboard import guarded
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.keyboard import KeyboardPad
from tests.patience import until
from tests.real.holding import holding
from tests.real.typing_window import TypingWindow
from tests.real.xvfb import Screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an X server, and signals as on POSIX")
SOUTH = PadState(frozenset({"SOUTH"}))


def test_a_process_that_is_stopped_has_its_keys_let_go_of(screen: Screen, window: TypingWindow) -> None:
    with holding(screen.display) as (process, _):
        window.wait_for_keys(some=True)
        process.send_signal(getattr(signal, "SIGSTOP"))  # noqa: B009
        window.wait_for_keys(some=False)


def test_a_process_that_goes_on_after_it_stood_still_presses_again(screen: Screen, window: TypingWindow) -> None:
    with KeyboardPad(display=screen.display) as pad:
        assert pad._guardian is not None
        pad.send(SOUTH)
        window.wait_for_keys(some=True)
        pad._guardian._stood_still.set()
        pad._sender.put(["space"], [])  # as the guardian does
        pad.send(SOUTH)
        until(lambda: window.keys_down() == {"space"})


def test_no_module_of_the_working_folder_runs_in_the_guardian(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    for name in ("argparse", "queue", "runpy", "ngrt", "numpy", "Xlib"):
        (tmp_path / f"{name}.py").write_text(f"open({str(ran)!r}, 'w')\nraise SystemExit")
    monkeypatch.chdir(tmp_path)
    with KeyboardPad(display=screen.display) as pad:
        assert pad._guardian is not None
        assert pad._guardian.watching
    assert not ran.exists()


def test_a_guardian_that_is_killed_is_replaced_and_meanwhile_no_key_is_down(
    screen: Screen, window: TypingWindow
) -> None:
    with KeyboardPad(display=screen.display) as pad:
        assert pad._guardian is not None
        first = pad._guardian.process
        pad.send(SOUTH)
        window.wait_for_keys(some=True)
        os.kill(first, signal.Signals(9))
        until(lambda: not pad._guardian.watching, "nobody notices", 0.001)  # type: ignore[union-attr]
        pad.send(SOUTH)
        window.wait_for_keys(some=False)
        until(lambda: pad._guardian.watching, "it is not started again")  # type: ignore[union-attr]
        assert pad._guardian.process != first
        pad.send(SOUTH)
        until(lambda: window.keys_down() == {"space"})


def test_a_guardian_that_cannot_be_replaced_ends_play_with_no_key_down(
    screen: Screen, window: TypingWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KeyboardPad(display=screen.display) as pad:
        assert pad._guardian is not None
        pad.send(SOUTH)
        window.wait_for_keys(some=True)
        pad._guardian._command = ["/nonexistent/python"]
        os.kill(pad._guardian.process, signal.Signals(9))
        until(lambda: pad._guardian._failure is not None)  # type: ignore[union-attr]
        with pytest.raises(PadError, match="what lets go of the keys after a crash cannot be started"):
            pad.send(SOUTH)
        window.wait_for_keys(some=False)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGUSR1"])
def test_no_signal_but_a_kill_ends_the_guardian(number: str, screen: Screen) -> None:
    with KeyboardPad(display=screen.display) as pad:
        assert pad._guardian is not None
        os.kill(pad._guardian.process, getattr(signal, number))
        time.sleep(2 * guarded.BEAT)
        pad.send(NEUTRAL)
        assert pad._guardian.watching


def test_a_guardian_that_does_not_start_says_why(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "python_command", lambda *_: [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(PadError, match=r"cannot be started \(it ended with exit code 3\); use another --pad"):
        KeyboardPad(display=screen.display)
