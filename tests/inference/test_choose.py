"""Which backend runs a bundle: the one that is named, the GPU, or what measures faster."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import ngrt
from ngrt.cli.commands import run
from ngrt.errors import BundleError, EngineError
from ngrt.inference import choose
from ngrt.inference.cuda.presence import why_no_gpu
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.runners import ON_PROCESSORS, RUNNERS, Runner
from ngrt.policy.bundle import Backend, Manifest

FRAME = np.zeros((9, 9, 3), np.uint8)


class Named(OnnxEngine):
    """ONNX Runtime by another name, which knows whether it was closed."""

    def __init__(self, name: str, folder: Path, manifest: Manifest) -> None:
        super().__init__(folder, manifest, 1)
        self.name, self.closed = name, False

    def close(self) -> None:
        """Close it."""
        self.closed = True
        super().close()


class Stage:
    """Backends that can be had here, how fast each is, and what was opened of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: dict[str, float] = {}
        self.opened: list[Named] = []
        self.notes: list[str] = []
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(choose, "seconds_of", lambda policy: self.seconds[policy.engine.name])
        monkeypatch.setattr(choose, "LEAST_BYTES", 0)
        self.have({"cpu": 0.5, "openvino": 0.4})
        self.lack("cuda", "there is no NVIDIA driver")

    def have(self, seconds: dict[Backend, float]) -> None:
        """Let these be there, a chunk in so many seconds."""
        self.seconds.update({str(backend): value for backend, value in seconds.items()})
        for backend in seconds:
            self._set(backend, lambda folder, manifest, _, name=backend: self._open(name, folder, manifest), "")

    def lack(self, backend: Backend, reason: str) -> None:
        """Let it not be there."""
        self._set(backend, self._refuse, reason)

    def fail(self, backend: Backend, error: Exception) -> None:
        """Let it look as if it were there, and fail when it is opened."""

        def opened(*_: object) -> Any:
            raise error

        self._set(backend, opened, "")

    def open(self, folder: Path) -> str:
        """Return the name of what a bundle is run by."""
        return open_policy(folder, note=self.notes.append).engine.name

    def _open(self, name: str, folder: Path, manifest: Manifest) -> Named:
        self.opened.append(Named(name, folder, manifest))
        return self.opened[-1]

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("what is not there is not opened")

    def _set(self, backend: Backend, opened: Callable[..., Any], lacking: str) -> None:
        known = RUNNERS[backend]
        self._monkeypatch.setitem(RUNNERS, backend, Runner(known.targets, known.precisions, opened, lambda: lacking))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def made(folder: Path, tmp_path: Path, **changes: str) -> Path:
    """Return a copy of a bundle whose manifest says something else."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(manifest | changes))
    return copy


@pytest.mark.parametrize(("cpu", "openvino", "faster"), [(0.5, 0.4, "openvino"), (0.3, 0.4, "cpu")])
def test_on_a_processor_the_faster_is_taken_and_the_other_closed(
    cpu: float, openvino: float, faster: str, stage: Stage, tiny_bundle: Path
) -> None:
    stage.have({"cpu": cpu, "openvino": openvino})
    assert stage.open(tiny_bundle) == faster
    assert {engine.name: engine.closed for engine in stage.opened} == {
        name: name != faster for name in ("cpu", "openvino")
    }
    slower = "cpu" if faster == "openvino" else "openvino"
    fast, slow = sorted((cpu, openvino))
    assert stage.notes == [
        f"{faster} runs it: {fast * 1e3:.0f} ms for a chunk of one step, {slow * 1e3:.0f} ms with {slower}"
    ]


def test_one_that_is_alone_is_not_measured(stage: Stage, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.lack("openvino", "openvino is not installed")
    stage.seconds.clear()
    assert stage.open(tiny_bundle) == "cpu"
    assert stage.notes == []


def test_a_small_bundle_is_run_by_onnx_runtime_without_measuring(
    stage: Stage, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "LEAST_BYTES", 64 * 2**20)
    assert stage.open(tiny_bundle) == "cpu"
    assert [engine.name for engine in stage.opened] == ["cpu"]


def test_a_rival_that_fails_is_left_and_said_so(stage: Stage, tiny_bundle: Path) -> None:
    stage.fail("openvino", BundleError("no such operator"))
    assert stage.open(tiny_bundle) == "cpu"
    assert stage.notes == ["backend openvino cannot be used: no such operator"]
    assert [engine.closed for engine in stage.opened] == [False]


def test_nothing_stays_open_where_the_first_fails_to_run(
    stage: Stage, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(policy: EnginePolicy) -> float:
        raise EngineError("out of memory")

    monkeypatch.setattr(choose, "seconds_of", failing)
    with pytest.raises(EngineError, match="out of memory"):
        stage.open(tiny_bundle)
    assert [engine.closed for engine in stage.opened] == [True]


def test_a_gpu_goes_before_processors_unmeasured(stage: Stage, tiny_bundle: Path) -> None:
    stage.have({"cuda": 9.0})
    assert stage.open(tiny_bundle) == "cuda"
    assert len(stage.opened) == 1


def test_a_gpu_that_cannot_be_used_is_said_to_be_and_a_processor_plays(stage: Stage, tiny_bundle: Path) -> None:
    stage.fail("cuda", BundleError("it finds no cuDNN; pip install it"))
    assert stage.open(tiny_bundle) == "openvino"
    assert stage.notes[0] == "backend cuda cannot be used: it finds no cuDNN; pip install it"


def test_an_int8_bundle_is_onnx_runtime_s_alone(stage: Stage, int8_bundle: Path) -> None:
    stage.have({"cuda": 0.001, "openvino": 0.001})
    assert stage.open(int8_bundle) == "cpu"


def test_bf16_without_openvino_or_a_gpu_is_refused_with_both_remedies(
    stage: Stage, tiny_bundle: Path, tmp_path: Path
) -> None:
    stage.lack("openvino", "openvino is not installed: pip install 'ngrt[openvino]'")
    with pytest.raises(
        BundleError,
        match=r"nothing here runs .*copy, which is bf16: cuda: there is no NVIDIA driver; openvino: .*"
        r"pip install 'ngrt\[openvino\]'; or export again with --precision int8 or fp32",
    ) as caught:
        stage.open(made(tiny_bundle, tmp_path, precision="bf16"))
    assert "\n" not in str(caught.value)


def test_bf16_on_a_processor_is_openvino_s_alone(stage: Stage, tiny_bundle: Path, tmp_path: Path) -> None:
    assert stage.open(made(tiny_bundle, tmp_path, precision="bf16")) == "openvino"
    assert [engine.name for engine in stage.opened] == ["openvino"]


@pytest.mark.parametrize(
    ("backend", "changes", "remedy"),
    [
        ("cpu", {"precision": "bf16"}, "is bf16 for onnx; use --backend cuda or openvino, or leave it out"),
        ("cuda", {"precision": "int8"}, "is int8 for onnx; use --backend cpu, or leave it out"),
        ("tensorrt", {}, "is fp32 for onnx; use --backend cuda or cpu or openvino, or leave it out"),
        ("openvino", {"target": "tensorrt-rtx", "precision": "fp8"}, "use --backend tensorrt, or leave it out"),
        ("cpu", {"precision": "fp8"}, "is fp8 for onnx; export it again"),
    ],
)
def test_a_backend_that_cannot_run_the_bundle_is_refused_with_those_that_can(
    backend: Backend, changes: dict[str, str], remedy: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=f"backend {backend} does not run .*{remedy}") as caught:
        open_policy(made(tiny_bundle, tmp_path, **changes), backend=backend)
    assert "\n" not in str(caught.value)


def test_a_bundle_that_nothing_runs_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="which is fp8: or export again"):
        open_policy(made(tiny_bundle, tmp_path, precision="fp8"))


def test_measuring_times_real_chunks(tiny_bundle: Path) -> None:
    policy = open_policy(tiny_bundle, threads=1)
    steps: list[int | None] = []

    class Watched(EnginePolicy):
        def predict(self, *arguments: Any, **named: Any) -> Any:
            steps.append(named.get("steps"))
            return super().predict(*arguments, **named)

    watched = Watched(tiny_bundle, policy.manifest, policy.engine)
    assert 0 < choose.seconds_of(watched) < 10
    assert steps == [1] * (1 + choose.RUNS)


def test_real_backends_are_compared_and_give_the_same_chunk(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "LEAST_BYTES", 0)
    notes: list[str] = []
    chosen = open_policy(tiny_bundle, threads=1, note=notes.append)
    plain = open_policy(tiny_bundle, backend="cpu", threads=1)
    noise = plain.draw_noise()
    if why_no_gpu():
        (compared,) = (note for note in notes if not note.startswith("checking once"))
        assert compared.startswith(f"{chosen.engine.name} runs it: ")
    np.testing.assert_allclose(
        chosen.predict([FRAME], noise).actions, plain.predict([FRAME], noise).actions, rtol=0, atol=1e-4
    )


def test_every_backend_has_a_row_and_the_processors_come_last() -> None:
    assert tuple(RUNNERS)[-2:] == ON_PROCESSORS


@pytest.mark.parametrize("backend", ["cpu", "openvino"])
def test_python_callers_name_a_backend(backend: Backend, tiny_bundle: Path) -> None:
    policy = ngrt.load_policy(tiny_bundle, backend=backend)
    assert isinstance(policy, EnginePolicy)
    assert ("OpenVINO" in policy.engine.name) == (backend == "openvino")


def test_predict_takes_a_backend_and_says_in_one_line_what_it_cannot_run(
    int8_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("frame.png", FRAME)
    assert run(["predict", str(int8_bundle), "frame.png", "--backend", "cpu", "--out", "chunk.npz"]) == 0
    capsys.readouterr()
    assert run(["predict", str(int8_bundle), "frame.png", "--backend", "openvino"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    assert "backend openvino does not run" in line
    assert "use --backend cpu" in line


@pytest.mark.usefixtures("quick_engines")
def test_play_takes_a_backend_from_a_flag_and_from_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ngrt.toml").write_text('[play]\nbackend = "tensorrt"\nduration = 0.2\n')
    assert run(["play"]) == 1
    assert "backend tensorrt does not run" in capsys.readouterr().err
    assert run(["play", "--backend", "openvino"]) == 0
    assert run(["play", "--backend", "gpu"]) == 2
    assert "--help" in capsys.readouterr().err
