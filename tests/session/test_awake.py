"""The screen stays awake while a game is played."""

from pathlib import Path

import pytest

from ngrt.session import awake
from ngrt.session.awake import Awake, keep_awake
from tests.closing import closes_with_its_block, either_way
from tests.patience import until
from tests.real.xvfb import x_server


def test_a_display_without_savers_is_told(tmp_path: Path) -> None:
    notes: list[str] = []
    with x_server(tmp_path, extensions_off=["MIT-SCREEN-SAVER"]) as screen, keep_awake(screen.display, notes.append):
        pass
    assert notes == [
        f"the screen saver cannot be held off (display {screen.display} has no MIT-SCREEN-SAVER); switch it off while "
        "you play"
    ]


def test_a_display_that_cannot_be_reached_ends_nothing() -> None:
    notes: list[str] = []
    with keep_awake(":4711", notes.append):
        pass
    assert len(notes) == 1
    assert "\n" not in notes[0]


def test_a_wayland_session_is_told_that_its_saver_is_not_held_off(
    bare_display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    with keep_awake(bare_display, notes.append):
        pass
    assert notes == ["a Wayland session does not count a pad as use: switch off its screen saver while you play"]


class Told:
    """A saver that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def hold(self) -> None:
        self.said.append("hold")

    def let_go(self) -> None:
        self.said.append("let go")

    def close(self) -> None:
        self.said.append("close")


def test_the_saver_is_held_off_while_the_game_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "ASKING", 0.01)
    monkeypatch.setattr(awake, "HOLDING", 0.05)
    saver, played = Told(), True
    with Awake(lambda: saver, pytest.fail) as kept:
        kept.hold_while(lambda: played)
        assert saver.said[0] == "hold"
        played = False
        until(lambda: saver.said[-1] == "let go")
        played = True
        until(lambda: saver.said[-1] == "hold")
        until(lambda: saver.said[-2:] == ["hold", "hold"])
    assert saver.said[-1] == "close"
    kept.close()


@either_way
def test_a_with_closes_it_however_it_ends(bare_display: str, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    closes_with_its_block(lambda: keep_awake(bare_display, pytest.fail), fails, monkeypatch)
