"""`ngrt play --process`, as a process of its own, on a real game in a real window: found, lost, guarded, stopped."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from Xlib.display import Display

from tests.patience import HANG
from tests.real.xvfb import GAME, Screen, game_on, require, window_manager, x_server

pytestmark = pytest.mark.machine
NAME = "XGalaga++.exe"
"""As people type it: another case, and an ending that it has not."""

KEYS = """[sticks]
left_left = "Left"
left_right = "Right"
"""
"""No key that would quit the game: what a policy with random weights does is no play."""


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """Yield a screen with a window manager."""
    require("Xvfb", "openbox", "xdotool", GAME)
    with x_server(tmp_path, "1024x768") as server, window_manager(server.display):
        yield server


class Playing:
    """A running `ngrt play`, with what it has said so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self._heard = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self.said.append(line)
                self._heard.notify_all()

    def wait_for(self, pattern: str) -> str:
        """Return the first line, from now on or said before, in which ``pattern`` is found."""
        deadline, read = time.monotonic() + HANG, 0
        with self._heard:
            while True:
                for line in self.said[read:]:
                    if re.search(pattern, line):
                        return line
                read = len(self.said)
                left = deadline - time.monotonic()
                assert left > 0, f"{pattern!r} was not said: {''.join(self.said)}"
                self._heard.wait(min(left, 0.5))
                assert self.process.poll() is None or len(self.said) > read, "".join(self.said)

    def plays(self, more: int = 20) -> None:
        """Return once ``more`` ticks were played from now on."""
        begun = self._played()
        deadline = time.monotonic() + HANG
        while self._played() < begun + more:
            assert time.monotonic() < deadline, "".join(self.said)
            assert self.process.poll() is None, "".join(self.said)
            time.sleep(0.1)

    def end(self) -> tuple[int, str]:
        """Return its exit code and what it printed."""
        assert self.process.stdout is not None
        printed = self.process.stdout.read()
        return self.process.wait(timeout=HANG), printed

    def _played(self) -> int:
        with self._heard:
            counts = [int(count) for line in self.said for count in re.findall(r"played (\d+)", line)]
        return counts[-1] if counts else 0


@contextmanager
def playing(bundle: Path, screen: Screen, *arguments: str, process: str = NAME) -> Iterator[Playing]:
    """Play xgalaga++, or another ``process``, by its name on ``screen`` until the block ends."""
    command = [sys.executable, "-m", "ngrt", "play", str(bundle), "--process", process, "--steps", "2"]
    if "keyboard" in arguments:
        keys = screen.framebuffer.with_name("keys.toml")
        keys.write_text(KEYS)
        arguments = (*arguments, "--keys", str(keys))
    running = subprocess.Popen(
        [*command, "--rate", "20", *arguments],
        env={**os.environ, "DISPLAY": screen.display, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Playing(running)
    finally:
        running.kill()
        running.wait()
        for pipe in (running.stdout, running.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def another_window(display: str) -> Iterator[None]:
    """Show a window that takes the focus until the block ends."""
    with closing(Display(display)) as link:
        screen = link.screen()
        window = screen.root.create_window(0, 0, 200, 100, 0, screen.root_depth)
        window.set_wm_name("another")
        window.map()
        link.sync()
        subprocess.run(
            ["xdotool", "search", "--sync", "--name", "^another$", "windowfocus", "--sync"],
            env={**os.environ, "DISPLAY": display},
            check=True,
            timeout=HANG,
        )
        yield


def test_a_game_that_is_not_there_yet_is_waited_for_and_played(
    tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with playing(tiny_bundle, screen, "--wait", "30", "--pad", "none", "--duration", "2") as session:
        session.wait_for("waiting for .*XGalaga")
        with game_on(screen.display, tmp_path):
            code, printed = session.end()
    assert code == 0, session.said
    assert "window XGalaga++ of xgalaga++" in printed


def test_a_game_that_never_comes_is_an_error_in_one_line(tiny_bundle: Path, screen: Screen) -> None:
    with playing(tiny_bundle, screen, "--pad", "none", process="no-such-game") as session:
        line = session.wait_for("ngrt: ")
        code, printed = session.end()
    assert code == 1
    assert printed == ""
    assert re.search(r"no process no-such-game .* --wait", line)


def test_a_minimised_game_makes_the_pad_neutral_until_it_is_back(
    tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with game_on(screen.display, tmp_path), playing(tiny_bundle, screen, "--pad", "none") as session:
        session.plays()
        screen.run("xdotool", "search", "--name", "XGalaga", "windowminimize")
        session.wait_for("minimised; bring it back|lost the focus")
        screen.run("xdotool", "search", "--name", "XGalaga", "windowmap", "windowactivate", "--sync")
        session.plays()
    assert any(re.search(r"blocked [1-9]", line) for line in session.said)


def test_a_closed_game_is_waited_for_and_played_again(tiny_bundle: Path, screen: Screen, tmp_path: Path) -> None:
    with playing(tiny_bundle, screen, "--wait", "30", "--pad", "none") as session:
        with game_on(screen.display, tmp_path):
            session.plays()
        session.wait_for("is closed; start the game again|has no window")
        with game_on(screen.display, tmp_path):
            session.plays()


def test_a_closed_game_ends_the_session_where_that_is_wanted(tiny_bundle: Path, screen: Screen, tmp_path: Path) -> None:
    with playing(tiny_bundle, screen, "--wait", "30", "--pad", "none", "--lost", "end") as session:
        with game_on(screen.display, tmp_path):
            session.plays()
        code, printed = session.end()
    assert code == 0, session.said
    assert "played for" in printed


@pytest.mark.parametrize("guard", [(), ("--no-focus-guard",)])
def test_nothing_is_pressed_in_another_window_unless_the_guard_is_off(
    guard: tuple[str, ...], tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with game_on(screen.display, tmp_path), playing(tiny_bundle, screen, "--pad", "none", *guard) as session:
        session.plays()
        with another_window(screen.display):
            if guard:
                session.plays(60)
                assert not any("focus" in line for line in session.said)
            else:
                session.wait_for("lost the focus; pad neutral")
        screen.run("xdotool", "search", "--name", "XGalaga", "windowfocus", "--sync")
        session.plays()


def test_the_panic_key_ends_the_session_with_130_whatever_has_the_focus(
    tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with game_on(screen.display, tmp_path), playing(tiny_bundle, screen, "--pad", "keyboard") as session:
        session.plays()
        screen.run("xdotool", "key", "--delay", "100", "F12")
        code, printed = session.end()
    assert code == 130
    assert "played for" in printed
    assert any("stopped by F12" in line for line in session.said)


def test_a_second_ngrt_on_the_same_keyboard_is_refused(tiny_bundle: Path, screen: Screen, tmp_path: Path) -> None:
    with game_on(screen.display, tmp_path), playing(tiny_bundle, screen, "--pad", "keyboard") as first:
        first.plays()
        with playing(tiny_bundle, screen, "--pad", "keyboard") as second:
            line = second.wait_for("ngrt: ")
            code, _ = second.end()
        assert code == 1
        assert f"in use by another ngrt (process {first.process.pid})" in line
        first.plays()


def test_a_display_that_disappears_ends_the_session_in_one_line(
    tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with game_on(screen.display, tmp_path), playing(tiny_bundle, screen, "--pad", "keyboard") as session:
        session.plays()
        screen.server.kill()
        code, _ = session.end()
    complaints = [line for line in session.said if line.startswith("ngrt: ")]
    assert code == 1
    assert len(complaints) == 1
    assert screen.display in complaints[0]
    assert not any("Traceback" in line for line in session.said)


@pytest.mark.skipif(os.path.exists("/dev/uinput"), reason="this machine can make pads")
def test_a_machine_that_can_make_no_pad_says_how_it_could(tiny_bundle: Path, screen: Screen, tmp_path: Path) -> None:
    with game_on(screen.display, tmp_path), playing(tiny_bundle, screen) as session:
        line = session.wait_for("ngrt: ")
        code, _ = session.end()
    assert code == 1
    assert "sudo modprobe uinput" in line


def test_a_game_is_woken_up_once_it_has_the_focus_and_the_panic_key_counts_before(
    tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with game_on(screen.display, tmp_path):
        screen.run("xdotool", "search", "--name", "XGalaga", "windowminimize")
        with playing(tiny_bundle, screen, "--pad", "none", "--wake", "cuphead") as session:
            session.wait_for("the game is woken up after that")
            screen.run("xdotool", "search", "--name", "XGalaga", "windowmap", "windowactivate", "--sync")
            session.wait_for("waking the game up")
            session.plays()
        screen.run("xdotool", "search", "--name", "XGalaga", "windowminimize")
        with playing(tiny_bundle, screen, "--pad", "none", "--wake", "cuphead") as session:
            session.wait_for("the game is woken up after that")
            screen.run("xdotool", "keydown", "F12", "sleep", "0.2", "keyup", "F12")
            code, _ = session.end()
    assert code == 130
    assert any("stopped by F12" in line for line in session.said)


def test_a_game_that_is_closed_before_it_is_awake_ends_the_session_where_that_is_wanted(
    tiny_bundle: Path, screen: Screen, tmp_path: Path
) -> None:
    with playing(tiny_bundle, screen, "--wait", "30", "--pad", "none", "--wake", "cuphead", "--lost", "end") as session:
        with game_on(screen.display, tmp_path):
            screen.run("xdotool", "search", "--name", "XGalaga", "windowminimize")
            session.wait_for("the game is woken up after that")
        session.wait_for("closed before it was awake")
        code, _ = session.end()
    assert code == 0
