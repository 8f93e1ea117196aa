"""``ngrt bench``: what is run, what is not and why, and what is left behind."""

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from rich.console import Console

from bench.suites import LONG, SUITES, Effort, run_suites
from ngrt.cli import bench, run
from ngrt.errors import BundleError, SettingsError
from tests.conftest import PARITY

TINY = PARITY / "tiny.pt"
QUICK = Effort(
    threads=2, seconds=0.3, ticks=20, pairs=1, loads=1, control_seconds=0.3, delays=(4,), steps_tried=(2,), episodes=2
)


def measured(names: list[str], engine: Path | None, checkpoint: Path | None, folder: Path) -> dict[str, Any]:
    file = folder / "result.json"
    run_suites(names, engine, checkpoint, file, Console(quiet=True), effort=QUICK)
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


def test_everything_that_can_run_is_run_where_nothing_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    content = measured([], tiny_bundle, TINY, tmp_path)
    assert set(content["suites"]) == set(SUITES) - set(LONG)
    assert content["not_run"] == LONG


def test_a_suite_without_its_inputs_is_listed_as_not_run_with_the_reason(tmp_path: Path) -> None:
    content = measured([], None, None, tmp_path)
    assert set(content["suites"]) == {"overhead", "control"}
    assert content["not_run"] == {"chunk": "needs --engine DIR", "load": "needs --engine DIR", **LONG}


def test_the_json_says_where_with_what_and_every_sample_but_no_path(tiny_bundle: Path, tmp_path: Path) -> None:
    content = measured(["chunk", "load"], tiny_bundle, TINY, tmp_path)
    assert {"machine", "cores", "python", "versions", "taken", "load"} <= set(content["provenance"])
    assert {"torch", "numpy"} <= set(content["provenance"]["versions"])
    assert content["settings"]["pairs"] == 1
    assert content["engine"]["precision"] == "fp32"
    assert len(content["suites"]["chunk"]["engine"]["samples"]) == 1
    assert content["suites"]["load"]["peak_bytes"] > 20e6
    assert str(tmp_path.parent) not in json.dumps(content)
    assert str(tiny_bundle) not in json.dumps(content)


def test_only_the_json_file_is_left_behind(tmp_path: Path) -> None:
    measured(["overhead"], None, None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_json_file_in_no_folder_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        run_suites(["overhead"], None, None, tmp_path / "no" / "result.json", Console(quiet=True))


@pytest.mark.parametrize(("name", "lacking"), [("chunk", "--engine DIR"), ("load", "--engine DIR")])
def test_a_suite_that_was_named_must_have_its_inputs(name: str, lacking: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} needs {lacking}"):
        run_suites([name], None, None, None, Console(quiet=True))


def test_an_engine_that_cannot_be_loaded_is_an_error_not_a_measurement(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no manifest"):
        run_suites(["load"], tmp_path, None, None, Console(quiet=True), effort=QUICK)


def test_a_process_that_fails_to_load_says_why(tiny_bundle: Path, tmp_path: Path) -> None:
    from bench.load import measure

    with pytest.raises(BundleError, match=r"process of its own .*no engine bundle"):
        measure(tmp_path / "gone", 1, 1)


def test_the_command_knows_every_suite() -> None:
    assert set(get_args(get_type_hints(bench)["suites"])) == set(SUITES)


def test_the_command_prints_tables_or_json_that_can_be_piped(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["bench", "load", "--engine", str(tiny_bundle)]
    assert run(arguments) == 0
    assert "load, hashes checked" in capsys.readouterr().out
    assert run([*arguments, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["suites"]["load"]["load"]["samples"]
