"""The commands, in process: what they print where, and how they end."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ngrt.cli.commands import run
from ngrt.errors import PadError
from tests.patience import HANG

pytestmark = pytest.mark.usefixtures("quick_engines")
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    assert cv2.imwrite(str(path), picture)
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, where no ngrt.toml is."""
    monkeypatch.chdir(tmp_path)


def complaint(capsys: Captured) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "play",
        "windows",
        "predict",
        "doctor",
        "export",
        "synth",
        "info",
        "bench",
        "bench compare",
        "bench report",
        "bench budgets",
    ],
)
def test_every_command_has_help_that_says_what_it_is_for(command: str, capsys: Captured) -> None:
    assert run([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "Usage" in text
    assert len(text.splitlines()) > 8


def test_the_version_is_printed(capsys: Captured) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip()[0].isdigit()


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["play", "--no-such-flag"],
        ["play", "--rate", "fast"],
        ["play", "--rate", "-1"],
        ["predict"],
    ],
)
def test_wrong_usage_is_one_line_that_points_to_help_and_exits_with_2(arguments: list[str], capsys: Captured) -> None:
    assert run(arguments) == 2
    assert "--help" in complaint(capsys)


def test_an_error_is_one_line_and_exits_with_1(tmp_path: Path, capsys: Captured) -> None:
    assert run(["info", str(tmp_path / "nothing.pt")]) == 1
    assert "nothing.pt" in complaint(capsys)


def test_debug_adds_the_traceback(tmp_path: Path, capsys: Captured) -> None:
    assert run(["--debug", "info", str(tmp_path / "nothing.pt")]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_predict_prints_a_row_for_every_action(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    assert run(["predict", str(tiny_bundle), str(frame), "--seed", "1"]) == 0
    text = capsys.readouterr().out
    assert "18 actions" in text
    assert any(line.split()[:1] == ["17"] for line in text.replace("│", " ").splitlines())


def test_predict_writes_the_arrays_it_promises(tiny_bundle: Path, frame: Path, tmp_path: Path) -> None:
    noise = np.zeros((18, 25), np.float32)
    np.save(tmp_path / "noise.npy", noise)
    arguments = ["predict", str(tiny_bundle), str(frame), "--noise", str(tmp_path / "noise.npy"), "--steps", "4"]
    assert run([*arguments, "--out", "chunk.npz"]) == 0
    assert run([*arguments, "--out", "again.npz"]) == 0
    with np.load("chunk.npz") as chunk, np.load("again.npz") as again:
        shapes = {name: (chunk[name].shape, str(chunk[name].dtype)) for name in chunk}
        assert shapes == {
            "actions": ((18, 25), "float32"),
            "j_left": ((18, 2), "float32"),
            "j_right": ((18, 2), "float32"),
            "buttons": ((18, 21), "uint8"),
        }
        assert np.array_equal(chunk["actions"], again["actions"])


def test_predict_refuses_a_noise_file_that_is_a_pickle(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    np.save("noise.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert run(["predict", str(tiny_bundle), str(frame), "--noise", "noise.npy"]) == 1
    assert "not a plain .npy array" in complaint(capsys)


def test_predict_refuses_a_noise_file_whose_header_lies(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    for header in ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "{'descr': ("):
        text = header.ljust(117) + "\n"
        Path("noise.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())
        assert run(["predict", str(tiny_bundle), str(frame), "--noise", "noise.npy"]) == 1
        assert "not a plain .npy array" in complaint(capsys)


def test_predict_writes_a_file_that_others_can_read_and_leaves_nothing_where_it_cannot(
    tiny_bundle: Path, frame: Path, capsys: Captured
) -> None:
    Path("folder").mkdir()
    before = sorted(Path.cwd().iterdir())
    assert run(["predict", str(tiny_bundle), str(frame), "--out", "folder"]) == 1
    assert "cannot write folder" in complaint(capsys)
    assert sorted(Path.cwd().iterdir()) == before
    assert run(["predict", str(tiny_bundle), str(frame), "--out", "chunk.npz"]) == 0
    assert Path("chunk.npz").stat().st_mode & 0o777 == 0o644


def test_what_is_no_file_is_never_replaced_and_a_link_is_followed(
    tiny_bundle: Path, frame: Path, capsys: Captured
) -> None:
    arguments = ["predict", str(tiny_bundle), str(frame), "--out"]
    subprocess.run(["mkfifo", "pipe"], check=True, timeout=HANG)
    assert run([*arguments, "pipe"]) == 1
    assert "is no file" in complaint(capsys)
    assert Path("pipe").is_fifo()
    Path("target.npz").write_bytes(b"old")
    Path("link.npz").symlink_to("target.npz")
    assert run([*arguments, "link.npz"]) == 0
    assert Path("link.npz").is_symlink()
    assert Path("target.npz").read_bytes() != b"old"


def test_a_name_too_long_for_the_disk_is_told_without_calling_it_a_fault(tiny_bundle: Path, capsys: Captured) -> None:
    assert run(["predict", str(tiny_bundle), "x" * 300]) == 1
    assert "fault in ngrt" not in complaint(capsys)


def test_a_checkpoint_is_no_engine_and_the_error_says_how_to_make_one(frame: Path, capsys: Captured) -> None:
    from tests.conftest import PARITY

    assert run(["predict", str(PARITY / "tiny.pt"), str(frame)]) == 1
    assert "tiny.pt --out DIR" in complaint(capsys)


def test_an_interrupt_that_a_library_turned_into_another_error_still_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def swallowed(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setattr("ngrt.session.play.play", swallowed)
    assert run(["play"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999999"])
def test_a_seed_out_of_range_is_wrong_usage(seed: str, capsys: Captured) -> None:
    for arguments in (["synth", "--size", "tiny", "--out", "a.pt"], ["predict", "engine", "frame.png"], ["play"]):
        assert run([*arguments, "--seed", seed]) == 2
        assert "seed" in complaint(capsys)


def test_predict_names_an_image_that_is_not_there(tiny_bundle: Path, capsys: Captured) -> None:
    assert run(["predict", str(tiny_bundle), "gone.png"]) == 1
    assert "gone.png" in complaint(capsys)


def test_info_tells_what_a_bundle_is(tiny_bundle: Path, capsys: Captured) -> None:
    assert run(["info", str(tiny_bundle)]) == 0
    text = capsys.readouterr().out
    for word in ("fp32", "265,449", "18 rows of 25", "parity", "schedule", "observe", "denoise"):
        assert word in text


def test_info_tells_what_a_checkpoint_is(capsys: Captured) -> None:
    from tests.conftest import PARITY

    assert run(["info", str(PARITY / "tiny.pt")]) == 0
    assert "265,449" in capsys.readouterr().out


def test_export_refuses_a_folder_that_exists(tmp_path: Path, capsys: Captured) -> None:
    from tests.conftest import PARITY

    (tmp_path / "there").mkdir()
    assert run(["export", str(PARITY / "tiny.pt"), "--out", "there"]) == 1
    assert "there" in capsys.readouterr().err.splitlines()[-1]


def test_synth_then_export_then_info_work_together(capsys: Captured) -> None:
    assert run(["synth", "--size", "tiny", "--out", "tiny.pt"]) == 0
    assert run(["export", "tiny.pt", "--out", "bundle", "--precision", "fp16"]) == 0
    assert json.loads(Path("bundle/manifest.json").read_text())["precision"] == "fp16"
    capsys.readouterr()
    assert run(["info", "bundle"]) == 0
    assert "fp16" in capsys.readouterr().out


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


def test_settings_come_from_ngrt_toml_and_flags_win(tiny_bundle: Path, capsys: Captured, frame: Path) -> None:
    Path("ngrt.toml").write_text("[predict]\nsteps = 0\n")
    assert run(["predict", str(tiny_bundle), str(frame)]) == 1
    assert "steps is 0" in complaint(capsys)
    assert run(["predict", str(tiny_bundle), str(frame), "--steps", "2"]) == 0


def test_another_settings_file_can_be_named_and_must_exist(tiny_bundle: Path, capsys: Captured, frame: Path) -> None:
    Path("other.toml").write_text("[predict]\nsteps = 0\n")
    assert run(["--config", "other.toml", "predict", str(tiny_bundle), str(frame)]) == 1
    assert "steps is 0" in complaint(capsys)
    assert run(["--config", "gone.toml", "predict", str(tiny_bundle), str(frame)]) == 1
    assert "gone.toml" in complaint(capsys)


def test_a_settings_file_with_a_word_nobody_knows_is_refused(capsys: Captured) -> None:
    Path("ngrt.toml").write_text("[play]\nrat = 3\n")
    assert run(["play"]) == 2
    assert "rat" in complaint(capsys)


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


@pytest.mark.parametrize("content", ["rate = 20", "[ply]\nrate = 20"])
def test_settings_in_no_commands_table_are_refused(content: str, capsys: Captured) -> None:
    Path("ngrt.toml").write_text(content)
    assert run(["play"]) == 1
    assert "[play]" in complaint(capsys)


def test_an_error_is_one_line_whatever_is_in_a_name(capsys: Captured) -> None:
    assert run(["info", "two\nlines\x1b[31m"]) == 1
    assert "\x1b" not in complaint(capsys)


def test_a_settings_file_that_is_not_toml_is_refused(capsys: Captured) -> None:
    Path("ngrt.toml").write_text("play = [")
    assert run(["play"]) == 1
    assert "ngrt.toml" in complaint(capsys)


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


def test_an_error_whose_causes_lead_back_to_itself_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fail(*arguments: object) -> None:
        error, cause = PadError("the pad is gone; plug it in"), OSError("lost")
        cause.__context__ = error
        raise error from cause

    monkeypatch.setattr("ngrt.session.play.play", fail)
    assert run(["play"]) == 1
    assert complaint(capsys) == "ngrt: the pad is gone; plug it in"


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
