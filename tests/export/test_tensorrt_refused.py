"""TensorRT engines that are not built, and builds that are broken off: the reason is told, nothing is left."""

import os
import signal
import sys
from pathlib import Path
from time import sleep

import numpy as np
import onnx
import pytest
import tensorrt_rtx
from onnx import TensorProto, helper, numpy_helper

import export.build
import export.toolkit
from export.build_watch import BuildProgress
from export.to_onnx import manifest_entry
from export.to_tensorrt import BuildRequest, build_engine
from ngrt.errors import ExportError, MissingExtraError, SettingsError
from tests.export.building import build_small, rtx

from .conftest import Variant
from .refusal import refused

REFUSALS: list[tuple[str, dict[str, object], str]] = [
    ("one the library does not know", {"capabilities": ["9.0"]}, r"nothing for compute capability 9\.0, only for 7\.5"),
    ("no capability at all", {"capabilities": ["ampere"]}, r"'ampere' is not a number such as 8\.9"),
    ("none, and no GPU", {}, r"no NVIDIA GPU was found; say which .*--compute-capability.* 7\.5, .*8\.9"),
    ("one for ONNX", {"target": "onnx", "capabilities": ["89"]}, r"built for no GPU; leave it out"),
    ("fp8 for ONNX", {"target": "onnx", "precision": "fp8"}, "fp8 needs TensorRT; add --target"),
    ("fp8 before Ada", {"precision": "fp8", "capabilities": ["8.6"]}, r"8\.6 has no fp8; it begins with 8\.9"),
    ("fp8 for one too old of two", {"precision": "fp8", "capabilities": ["12.0", "8.0"]}, r"8\.0 has no fp8"),
    ("int8", {"precision": "int8", "capabilities": ["8.9"]}, "int8 is for CPUs, not for --target tensorrt-rtx"),
    ("fp32 for Turing", {"precision": "fp32", "capabilities": ["7.5"]}, r"no fp32 matrices .* 7\.5; use"),
    ("bf16 for Turing", {"precision": "bf16", "capabilities": ["75"]}, r"no bf16 matrices .* 7\.5; use"),
    ("the other edition without a GPU", {"target": "tensorrt"}, "no NVIDIA GPU was found; export where it is"),
]  # fmt: skip


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(("options", "message"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_what_cannot_be_built_is_refused_before_any_work(
    out: Path, options: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt_rtx)
    refused(SettingsError, message, "no-such-checkpoint.pt", out, **({"target": "tensorrt-rtx"} | options))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(export.toolkit, "capability_here", lambda extra: None)


@pytest.mark.parametrize(("target", "module"), [("tensorrt", "tensorrt"), ("tensorrt-rtx", "tensorrt_rtx")])
def test_an_edition_that_is_not_installed_is_refused_with_its_extra(
    out: Path, monkeypatch: pytest.MonkeyPatch, target: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"{module} is not installed; install it with: pip install 'ngrt\[{target}\]'"
    refused(MissingExtraError, message, "no-such-checkpoint.pt", out, target=target, capabilities=["8.9"])


def test_an_out_that_exists_is_refused_and_kept(small: Variant, out: Path) -> None:
    out.mkdir()
    (out / "mine").write_text("precious")
    refused(ExportError, "exists already", small.path, out, target="tensorrt-rtx", capabilities=["8.9"])
    assert (out / "mine").read_text() == "precious"


@pytest.mark.usefixtures("ready_made")
def test_graphs_that_disagree_with_the_checkpoint_are_never_built(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(export.verify.LIMITS, "fp32", 1e-12)
    monkeypatch.setattr(export.build, "build_engine", lambda *_: pytest.fail("was built"))
    options = {"precision": "fp32", "target": "tensorrt-rtx", "capabilities": ["8.9"]}
    refused(ExportError, "the fp32 engine disagrees", small.path, out, **options)


@pytest.mark.usefixtures("ready_made")
def test_a_graph_that_the_builder_refuses_leaves_nothing_and_its_first_error_is_told(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export.toolkit, "_check_precision", lambda *_: None)  # the library's own check comes later
    message = (
        r"tensorrt_rtx \S+ cannot build observe\.onnx for compute capability 7\.5 \(.*FP32 GEMM.*\); choose another"
    )
    options = {"precision": "fp32", "target": "tensorrt-rtx", "capabilities": ["7.5"]}
    refused(ExportError, message, small.path, out, **options)


def test_a_graph_that_the_parser_refuses_is_told_with_its_first_error(tmp_path: Path) -> None:
    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["B", 2, 3])
    flat = helper.make_tensor_value_info("flat", TensorProto.UINT8, None)
    shape = numpy_helper.from_array(np.array([-1, 3]), "shape")
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["frames", "shape"], ["flat"])], "g", [frames], [flat], [shape]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), tmp_path / "bytes.onnx")
    request = BuildRequest(manifest_entry(tmp_path / "bytes.onnx"), tmp_path, 1)
    with pytest.raises(
        ExportError, match=r"cannot take bytes\.onnx .*\(.*UInt8.*\); choose another --precision"
    ) as caught:
        build_engine(rtx("8.9"), request, lambda share: None)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bytes.onnx"]


@pytest.mark.usefixtures("ready_made")
def test_an_interrupt_stops_the_builder_and_leaves_nothing(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    whole = BuildProgress.stepped

    def interrupt(progress: BuildProgress, phase: str, step: int) -> bool:
        steps.append(phase)
        if len(steps) == 10:  # the builder's thread is told; the main one gets the signal, as with Ctrl-C
            os.kill(os.getpid(), signal.SIGINT)
            while not progress.stopped:
                sleep(0.001)
        return whole(progress, phase, step)

    monkeypatch.setattr(BuildProgress, "stepped", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_small(small, out)
    assert len(steps) == 10
    assert list(out.parent.iterdir()) == []


@pytest.mark.usefixtures("ready_made")
@pytest.mark.parametrize("stage", ["building observe", "building denoise"])
def test_an_interrupt_between_builds_leaves_nothing(small: Variant, out: Path, stage: str) -> None:
    def interrupt(told: str, share: float) -> None:
        if told.startswith(stage):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_small(small, out, progress=interrupt)
    assert list(out.parent.iterdir()) == []
