"""`ngrt export`, then `ngrt play` on a game that no one here wrote: a clip of it, and the game itself."""

import re
from pathlib import Path

import pytest

from ngrt.cli.commands import run

pytestmark = [pytest.mark.machine, pytest.mark.timing]
Captured = pytest.CaptureFixture[str]


def figures(capsys: Captured) -> dict[str, int]:
    """Return the counts of the closing table by their names."""
    text = capsys.readouterr().out
    return {name: int(count) for count, name in re.findall(r"(\d+) (played|held|neutral|missed|frames seen)", text)}


def test_an_exported_policy_plays_a_clip_of_a_real_game_to_its_end(
    tiny_bundle: Path, game_clip: Path, capsys: Captured
) -> None:
    assert run(["play", str(tiny_bundle), "--video", str(game_clip), "--rate", "20", "--steps", "2"]) == 0
    counts = figures(capsys)
    assert counts["frames seen"] > 30
    assert counts["played"] > 40
    assert 50 <= counts["played"] + counts["held"] + counts["neutral"] + counts["missed"] <= 90


def test_an_exported_policy_plays_a_real_game_on_its_screen(
    tiny_bundle: Path, game_display: str, capsys: Captured
) -> None:
    arguments = ["--display", game_display, "--rate", "20", "--steps", "2", "--duration", "2"]
    assert run(["play", str(tiny_bundle), *arguments]) == 0
    counts = figures(capsys)
    assert counts["played"] + counts["held"] + counts["neutral"] + counts["missed"] == 40
    assert counts["played"] > 30
