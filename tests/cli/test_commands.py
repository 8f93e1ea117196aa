"""The commands, in process: what they print where, and how they end."""

import json
from pathlib import Path

import pytest

from ngrt.cli.commands import run
from ngrt.errors import PadError
from tests.cli.said import Captured, complaint

pytestmark = pytest.mark.usefixtures("quick_engines", "elsewhere")


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


def test_an_interrupt_that_a_library_turned_into_another_error_still_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def swallowed(*_: object, **__: object) -> None:
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


def test_an_error_whose_causes_lead_back_to_itself_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fail(*_: object, **__: object) -> None:
        error, cause = PadError("the pad is gone; plug it in"), OSError("lost")
        cause.__context__ = error
        raise error from cause

    monkeypatch.setattr("ngrt.session.play.play", fail)
    assert run(["play"]) == 1
    assert complaint(capsys) == "ngrt: the pad is gone; plug it in"
