"""``ngrt bench``: what is run, what is not and why, and what is left behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.run import run_suites
from bench.schema.content import SCHEMA_VERSION
from bench.suites import chunk, control, loop, memory, overhead, scale, startup
from bench.suites.registry import BY_DEFAULT, LONG, SUITES
from bench.suites.suite import Effort, Ready, Report, Result
from ngrt.cli.commands import run
from ngrt.errors import BundleError, EngineError, SettingsError
from ngrt.inference.runners import RUNNERS
from ngrt.policy.bundle import AskedBackend
from tests.conftest import PARITY
from tests.patience import HANG

TINY = PARITY / "tiny.pt"
QUICK = Effort(
    threads=2,
    samples=2,
    episodes=2,
    own=(
        overhead.Settings(seconds=0.3, ticks=20),
        chunk.Settings(rounds=1),
        startup.Settings(starts=1),
        memory.Settings(processes=1),
        scale.Settings(exporting=False),
        control.Settings(control_seconds=0.3),
        loop.Settings(delays=(4,), steps_tried=(2,)),
    ),
)


def measured(names: list[str], engine: Path | None, checkpoint: Path | None, folder: Path) -> dict[str, Any]:
    file = folder / "result.json"
    run_suites(names, [engine] if engine else [], checkpoint, file, Console(quiet=True), effort=QUICK)
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


@pytest.mark.slow
def test_everything_that_can_run_is_run_where_nothing_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    content = measured([], tiny_bundle, TINY, tmp_path)
    assert tuple(content["suites"]) == BY_DEFAULT
    unused = {name: reason for name, reason in content["not_run"].items() if name not in LONG}
    assert set(unused) == {"backend openvino", "backend cuda", "backend tensorrt"}
    assert all(unused.values())


@pytest.mark.slow
def test_with_nothing_given_the_arcades_engine_is_measured(tmp_path: Path) -> None:
    content = measured([], None, None, tmp_path)
    assert set(content["suites"]) == set(SUITES) - set(LONG) - {"chunk"}
    assert content["not_run"]["chunk"] == "needs --engine DIR"
    assert [engine["name"] for engine in content["engines"]] == ["arcade"]


def test_the_json_says_where_with_what_and_every_sample_but_no_path(tiny_bundle: Path, tmp_path: Path) -> None:
    content = measured(["chunk", "startup", "memory"], tiny_bundle, TINY, tmp_path)
    assert {"machine", "cores", "python", "versions", "taken", "load"} <= set(content["provenance"])
    assert {"torch", "numpy"} <= set(content["provenance"]["versions"])
    assert content["schema"] == SCHEMA_VERSION
    assert content["settings"] == {
        "threads": 2, "samples": 2, "steps": None, "episodes": 2, "rounds": 1, "starts": 1, "processes": 1
    }  # fmt: skip
    assert content["engines"][0]["precision"] == "fp32"
    chunked, resident = content["suites"]["chunk"], content["suites"]["memory"]["engines"][0]
    assert len(chunked["engines"][0]["seconds"]["samples"]) == 2
    assert chunked["engines"][0]["roofline"]["graphs"][1]["graph"] == "denoise"
    assert resident["peak_bytes"] > 20e6
    assert str(tmp_path.parent) not in json.dumps(content)
    assert str(tiny_bundle) not in json.dumps(content)


def test_only_the_json_file_is_left_behind(tmp_path: Path) -> None:
    measured(["overhead"], None, None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_json_file_in_no_folder_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        run_suites(["overhead"], [], None, tmp_path / "no" / "result.json", Console(quiet=True))


def test_a_suite_that_was_named_must_have_its_inputs(tiny_bundle: Path) -> None:
    with pytest.raises(SettingsError, match="chunk needs --engine DIR"):
        run_suites(["chunk"], [], TINY, None, Console(quiet=True))
    with pytest.raises(SettingsError, match=r"chunk needs --checkpoint FILE\.pt"):
        run_suites(["chunk"], [tiny_bundle], None, None, Console(quiet=True))


@pytest.mark.parametrize("name", ["stages", "sweep", "startup", "memory", "scale"])
def test_an_engine_that_cannot_be_loaded_is_an_error_not_a_measurement(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no manifest"):
        run_suites([name], [tmp_path], None, None, Console(quiet=True), effort=QUICK)


def test_the_command_prints_tables_or_json_that_can_be_piped(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["bench", "stages", "--engine", str(tiny_bundle), "--samples", "2", "--steps", "3"]
    assert run(arguments) == 0
    assert "preprocess" in capsys.readouterr().out
    assert run([*arguments, "--json", "-"]) == 0
    stages = json.loads(capsys.readouterr().out)["suites"]["stages"]
    assert stages["denoise_steps"] == len(stages["engines"][0]["steps"]) == 3


@pytest.mark.slow
def test_every_engine_takes_its_turn_on_every_backend_that_takes_it(
    tiny_bundle: Path, int8_bundle: Path, tmp_path: Path
) -> None:
    file, names, given = tmp_path / "result.json", ["stages", "startup"], [tiny_bundle, int8_bundle]
    backends: tuple[AskedBackend, ...] = ("cpu", "openvino")
    run_suites(names, given, None, file, Console(quiet=True), backends=backends, effort=QUICK)
    content = json.loads(file.read_text("utf-8"))
    for suite in names:
        engines = content["suites"][suite]["engines"]
        assert [(engine["precision"], engine["backend"]) for engine in engines] == [
            ("fp32", "cpu"),
            ("fp32", "openvino"),
            ("int8", "cpu"),
        ]
    assert len(content["engines"]) == 2
    assert content["not_run"]["bundle on openvino"] == "it is int8 for onnx"
    assert "backend openvino" not in content["not_run"]


def test_the_same_engine_on_two_backends_is_compared_in_one_run(tiny_bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    backends: tuple[AskedBackend, ...] = ("cpu", "openvino")
    run_suites(["chunk"], [tiny_bundle], TINY, file, Console(quiet=True), backends=backends, effort=QUICK)
    engines = json.loads(file.read_text("utf-8"))["suites"]["chunk"]["engines"]
    assert [engine["backend"] for engine in engines] == ["cpu", "openvino"]


def test_a_backend_that_runs_none_of_the_engines_is_refused(
    int8_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "stages", "--engine", str(int8_bundle), "--backend", "openvino"]) == 1
    assert "--backend openvino: no engine here runs on it; leave it out" in capsys.readouterr().err
    assert run(["bench", "stages", "--backend", "gpu"]) == 2


@pytest.mark.slow
def test_a_lossy_engine_alone_leaves_out_the_sweep_and_keeps_the_rest(int8_bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    run_suites([], [int8_bundle], None, file, Console(quiet=True), effort=QUICK)
    content = json.loads(file.read_text("utf-8"))
    assert "stages" in content["suites"]
    assert content["not_run"]["sweep"] == "needs an engine in fp32, or --checkpoint FILE.pt, to compare with"


@pytest.mark.slow
def test_a_suite_that_fails_takes_no_other_with_it_unless_it_was_named(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise EngineError("the engine failed (out of memory)")

    monkeypatch.setattr("bench.suites.startup.measure", broken)
    file = tmp_path / "result.json"
    run_suites([], [tiny_bundle], None, file, Console(quiet=True), effort=QUICK)
    content = json.loads(file.read_text("utf-8"))
    assert {"overhead", "stages", "memory"} <= set(content["suites"])
    assert content["not_run"]["startup"] == "the engine failed (out of memory)"
    with pytest.raises(EngineError):
        run_suites(["startup"], [tiny_bundle], None, None, Console(quiet=True), effort=QUICK)


def test_what_needs_no_torch_is_measured_without_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from pathlib import Path\nfrom rich.console import Console\nfrom bench.run import run_suites\n"
        "from bench.suites import memory, overhead\nfrom bench.suites.suite import Effort\n"
        "own = overhead.Settings(seconds=0.2, ticks=20), memory.Settings(processes=1)\n"
        "effort = Effort(threads=1, samples=1, own=own)\n"
        "run_suites(['overhead', 'memory'], [], None, Path(sys.argv[1]), Console(quiet=True), effort=effort)\n"
        "found = run_suites(['overhead'], [], None, None, Console(quiet=True), effort=effort)\n"
    )
    file = tmp_path / "result.json"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, timeout=HANG)
    assert set(json.loads(file.read_text("utf-8"))["suites"]) == {"overhead", "memory"}


def test_a_backend_that_is_not_here_is_listed_with_the_reason(tiny_bundle: Path, tmp_path: Path) -> None:
    if not RUNNERS["cuda"].lacking():
        pytest.skip("there is a GPU")
    file = tmp_path / "result.json"
    backends: tuple[AskedBackend, ...] = ("cpu", "cuda")
    run_suites(["startup"], [tiny_bundle], None, file, Console(quiet=True), backends=backends, effort=QUICK)
    content = json.loads(file.read_text("utf-8"))
    assert [engine["backend"] for engine in content["suites"]["startup"]["engines"]] == ["cpu"]
    assert content["not_run"]["bundle on cuda"] == RUNNERS["cuda"].lacking()


@pytest.mark.parametrize("error", [EngineError("the engine fails, as it was told to"), KeyboardInterrupt()])
def test_what_was_measured_is_printed_and_written_when_a_later_suite_fails_or_is_interrupted(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(report: Report) -> Result:
        raise error

    monkeypatch.setattr(startup, "prepare", lambda *_: Ready(failing))
    file = tmp_path / "result.json"
    with pytest.raises(type(error)):
        run_suites(["overhead", "startup"], [], None, file, Console(), effort=QUICK)
    assert SUITES["overhead"].title in " ".join(capsys.readouterr().out.split())
    assert list(json.loads(file.read_text("utf-8"))["suites"]) == ["overhead"]


def test_the_tables_are_printed_where_the_result_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "result.json"

    def spoiled(report: Report) -> Result:
        file.mkdir()  # it was found in order before
        return overhead.measure(0.2, 20)

    monkeypatch.setattr(overhead, "prepare", lambda *_: Ready(spoiled))
    with pytest.raises(SettingsError, match="is not a file"):
        run_suites(["overhead"], [], None, file, Console(), effort=QUICK)
    assert SUITES["overhead"].title in " ".join(capsys.readouterr().out.split())
