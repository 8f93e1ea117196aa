"""`ngrt play`, in process: what is played, and what is refused before."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ngrt.cli.commands import run
from tests.cli.said import Captured, complaint

pytestmark = pytest.mark.usefixtures("quick_engines", "elsewhere")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--video", "a.mp4", "--display", ":0"], "2 games given (--video, --display); choose one"),
        (["--video", "a.mp4"], "--video needs an engine"),
        (["engine"], "no game given for engine"),
    ],
)
def test_play_says_which_choice_of_game_is_missing_or_too_many(
    arguments: list[str], words: str, capsys: Captured
) -> None:
    assert run(["play", *arguments]) == 1
    assert words in complaint(capsys)


def test_a_game_on_the_command_line_stands_for_the_one_in_the_settings_file(
    tiny_bundle: Path, frame: Path, capsys: Captured
) -> None:
    Path("ngrt.toml").write_text("[play]\nvideo = 'gone.mp4'\nrate = 20\nsteps = 2\nduration = 0.3\n")
    assert run(["play", str(tiny_bundle)]) == 1
    assert "gone.mp4" in capsys.readouterr().err
    assert run(["play", str(tiny_bundle), "--image", str(frame)]) == 0
    assert "of 20 Hz" in played(capsys)
    assert run(["play", str(tiny_bundle), "--arcade"]) == 0


def test_a_display_on_the_command_line_only_says_where_the_files_game_is(tiny_bundle: Path, capsys: Captured) -> None:
    Path("ngrt.toml").write_text("[play]\nprocess = 'game.exe'\n")
    assert run(["play", str(tiny_bundle), "--display", ":4711"]) == 1
    assert "cannot be asked for its windows" in capsys.readouterr().err
    Path("ngrt.toml").write_text("[play]\nvideo = 'gone.mp4'\n")
    assert run(["play", str(tiny_bundle), "--display", ":4711"]) == 1
    assert "cannot be watched" in capsys.readouterr().err


def played(capsys: Captured) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize("rate", ["30", "60"])
def test_play_watches_still_images_with_a_pad_that_only_records(
    rate: str, tiny_bundle: Path, frame: Path, capsys: Captured
) -> None:
    flags = ["--image", str(frame), "--duration", "1", "--rate", rate, "--steps", "2"]
    assert run(["play", str(tiny_bundle), *flags]) == 0
    assert "played" in played(capsys)


def test_play_refuses_a_rate_that_cannot_hold_with_the_remedy(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    arguments = ["play", str(tiny_bundle), "--image", str(frame), "--steps", "1000"]
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    *notes, error = captured.err.splitlines()
    assert "try --rate" in error
    assert [note.split()[0] for note in notes] == ["opening", "loading", "measuring"]


def test_play_refuses_an_age_that_no_chunk_can_have(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    assert run(["play", str(tiny_bundle), "--image", str(frame), "--steps", "2", "--max-age", "0.001"]) == 1
    assert "--max-age is 0.001 s; a chunk takes" in capsys.readouterr().err


def test_play_takes_context_guidance_and_games_from_the_checkpoint(
    bundle_of: Callable[[str], Path], frame: Path, capsys: Captured
) -> None:
    common = ["--image", str(frame), "--duration", "0.5", "--rate", "20", "--steps", "2"]
    assert run(["play", str(bundle_of("tiny-context-cfg")), *common, "--guidance", "1.5"]) == 0
    assert run(["play", str(bundle_of("tiny-games")), *common, "--game", "celeste"]) == 0
    assert "played" in played(capsys)


def test_play_says_that_its_engine_failed_the_gate(int8_bundle: Path, tmp_path: Path, capsys: Captured) -> None:
    folder = Path(shutil.copytree(int8_bundle, tmp_path / "forced"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["gate"]["failure"] = "97.00% of buttons agree"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert run(["play", str(folder), "--arcade", "--duration", "0.2"]) == 0
    assert "failed its gate and was written by force: 97.00% of buttons agree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--process", "nosuch", "--wait", "60", "--panic-key", "nosuch"], "no key is called 'nosuch' here"),
        (["--process", "nosuch", "--wait", "60", "--takeover", "F12"], "--takeover F12 is also the panic key"),
        (["--process", "nosuch", "--wait", "60", "--wake", "nosuch"], "--wake nosuch is not known"),
        (["--process", "game.exe", "--monitor", "1"], "--monitor 1 with a window"),
    ],
)
def test_what_means_nothing_is_refused_before_a_game_is_waited_for(
    arguments: list[str], said: str, tiny_bundle: Path, capsys: Captured
) -> None:
    assert run(["play", str(tiny_bundle), *arguments]) == 1
    assert said in capsys.readouterr().err
