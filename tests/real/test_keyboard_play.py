"""The whole of `ngrt play` with a keyboard for a pad: keys arrive, and none is down afterwards, however it ends."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ngrt.cli.commands import run
from ngrt.errors import EngineError
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Chunk
from ngrt.pads.keyboard import KeyboardPad
from tests.patience import HANG
from tests.real.games import GAMES, KEYS, Game, picture_of
from tests.real.typing_window import TypingWindow
from tests.real.xvfb import Screen

if os.name == "nt":
    pytest.skip("an X server, and signals as on POSIX", allow_module_level=True)
assert sys.platform != "win32"

pytestmark = pytest.mark.usefixtures("quick_engines")
Captured = pytest.CaptureFixture[str]

EAGER = """
[buttons]
SOUTH = "space"
EAST = "x"
WEST = "e"
NORTH = "q"
LEFT_SHOULDER = "1"
RIGHT_SHOULDER = "2"
LEFT_TRIGGER = "z"
RIGHT_TRIGGER = "f"
LEFT_THUMB = "c"
RIGHT_THUMB = "v"

[sticks]
threshold = 0.05
left_up = "w"
left_down = "s"
left_left = "a"
left_right = "d"
"""
"""Presses something at nearly every tick, whatever a policy that was never trained says."""


@pytest.fixture
def arguments(tiny_bundle: Path, screen: Screen, tmp_path: Path) -> list[str]:
    """Return the command line that plays on the screen with a keyboard; how long is left to say."""
    keys = tmp_path / "keys.toml"
    keys.write_text(EAGER, "utf-8")
    pad = ["--pad", "keyboard", "--keys", str(keys)]
    return ["play", str(tiny_bundle), "--display", screen.display, *pad, "--rate", "20", "--steps", "2"]


@contextmanager
def playing(arguments: list[str]) -> "Iterator[subprocess.Popen[str]]":
    """Run ngrt as a process of its own."""
    command = [sys.executable, "-m", "ngrt", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def stays_up(window: TypingWindow) -> bool:
    """Return whether no key goes down any more."""
    window.notes()
    time.sleep(0.3)
    return not window.keys_down() and not any(note.down for note in window.notes())


def test_the_keys_of_a_session_arrive_and_none_is_down_at_its_end(
    arguments: list[str], window: TypingWindow, capsys: Captured
) -> None:
    assert run([*arguments, "--duration", "2"]) == 0
    assert re.search(r"[1-9]\d* played", capsys.readouterr().out)
    notes = window.notes()
    assert {note.key for note in notes if note.down} & {"w", "a", "s", "d"}
    assert sum(note.down for note in notes) == sum(not note.down for note in notes)
    assert window.keys_down() == set()


def test_an_interrupt_leaves_no_key_down(arguments: list[str], window: TypingWindow) -> None:
    with playing(arguments) as process:
        window.wait_for_keys(some=True)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all that was started from it
        process.communicate(timeout=HANG)
        assert process.returncode == 130
        assert window.keys_down() == set()
    assert stays_up(window)


def test_a_kill_leaves_no_key_down(arguments: list[str], window: TypingWindow) -> None:
    with playing(arguments) as process:
        window.wait_for_keys(some=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=HANG)
        window.wait_for_keys(some=False)
    assert stays_up(window)


def test_ctrl_z_leaves_no_key_down_while_ngrt_is_stopped(arguments: list[str], window: TypingWindow) -> None:
    with playing(arguments) as process:
        for _ in range(3):
            window.wait_for_keys(some=True)
            process.send_signal(signal.SIGTSTP)
            os.waitpid(process.pid, os.WUNTRACED)
            window.wait_for_keys(some=False)
            assert stays_up(window)
            process.send_signal(signal.SIGCONT)


def test_a_second_signal_leaves_no_key_down_and_prints_the_figures(arguments: list[str], window: TypingWindow) -> None:
    with playing(arguments) as process:
        window.wait_for_keys(some=True)
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        printed, _ = process.communicate(timeout=HANG)
        assert process.returncode == 130
        assert "played for" in printed
        assert window.keys_down() == set()
    assert stays_up(window)


def test_an_engine_that_fails_leaves_no_key_down(
    arguments: list[str], window: TypingWindow, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    real, down = EnginePolicy.predict, threading.Event()

    def failing(*rest: Any, **named: Any) -> Chunk:
        if down.is_set():
            raise EngineError("this engine fails, as it was told to")
        return real(*rest, **named)

    def watch() -> None:
        window.wait_for_keys(some=True)
        down.set()

    watching = threading.Thread(target=watch)
    monkeypatch.setattr(EnginePolicy, "predict", failing)
    watching.start()
    assert run(arguments) == 1
    watching.join()
    assert "this engine fails" in capsys.readouterr().err
    assert window.keys_down() == set()


def test_a_display_that_disappears_ends_it_with_an_error_in_one_line(
    arguments: list[str], screen: Screen, window: TypingWindow
) -> None:
    with playing(arguments) as process:
        window.wait_for_keys(some=True)
        screen.server.kill()
        _, errors = process.communicate(timeout=HANG)
        assert process.returncode == 1
    (told,) = [line for line in errors.splitlines() if line.startswith("ngrt: ")]
    assert screen.display in told
    assert "Traceback" not in errors


@pytest.mark.parametrize("wrong", ['[buttons]\nSOUTH = "spce"', None])
def test_a_mapping_that_is_wrong_is_refused_before_play(
    wrong: str | None, arguments: list[str], tmp_path: Path, capsys: Captured
) -> None:
    if wrong is None:
        (tmp_path / "keys.toml").unlink()
    else:
        (tmp_path / "keys.toml").write_text(wrong)
    assert run(arguments) == 1
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ngrt: ")]
    assert told.startswith(f"ngrt: keys file {tmp_path / 'keys.toml'}")


@pytest.mark.machine
@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.toolkit)
def test_a_real_game_is_played_and_not_when_the_pad_is_none(
    game: Game, arguments: list[str], screen: Screen, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(KEYS, "utf-8")
    with game.running(screen.display, tmp_path):
        pad = KeyboardPad(keys, screen.display)
        game.begin(pad, screen.display)
        pad.close()
        keys.write_text('[sticks]\nthreshold = 0.05\nleft_left = "Left"\nleft_right = "Right"\n', "utf-8")
        without = ["none" if word == "keyboard" else word for word in arguments]
        still = places_during(game, screen.display, [*without, "--duration", "1"])
        played = places_during(game, screen.display, [*arguments, "--duration", "2"])
    assert max(still) - min(still) < 3
    assert max(played) - min(played) > 6


def places_during(game: Game, display: str, arguments: list[str]) -> list[float]:
    """Return where the hero was while ngrt played."""
    places: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if (place := game.where(picture_of(display))) is not None:
                places.append(place)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        assert run(arguments) == 0
    finally:
        over.set()
        watching.join()
    return places
