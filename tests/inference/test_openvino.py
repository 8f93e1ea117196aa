"""OpenVINO: what it computes in, and that it reports to nobody."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.run import export_checkpoint
from ngrt.errors import BundleError, MissingExtraError
from ngrt.inference.open import open_policy
from ngrt.inference.openvino import OpenvinoEngine, import_openvino
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.runners import RUNNERS, Runner
from ngrt.policy.bundle import read_manifest
from tests.conftest import PARITY
from tests.patience import HANG

FRAME = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


@pytest.fixture(scope="module")
def bf16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bf16") / "bundle"
    export_checkpoint(str(PARITY / "tiny.pt"), folder, precision="bf16")
    return folder


def opened(folder: Path) -> EnginePolicy:
    manifest = read_manifest(folder)
    return EnginePolicy(folder, manifest, OpenvinoEngine(folder, manifest, 1))


def test_a_bf16_bundle_is_checked_from_its_files_and_is_near_the_fp32_one(bf16: Path, tiny_bundle: Path) -> None:
    policy, exact = open_policy(bf16, backend="openvino", threads=1), open_policy(tiny_bundle, threads=1)
    assert 1e-3 < policy.manifest.parity.actions <= policy.manifest.parity.actions_limit == 0.16
    noise = exact.draw_noise()
    difference = np.abs(policy.predict([FRAME], noise).actions - exact.predict([FRAME], noise).actions).max()
    assert 1e-3 < difference < 0.16


def test_without_openvino_a_bf16_bundle_is_checked_by_torch(
    bf16: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = RUNNERS["openvino"]
    monkeypatch.setitem(RUNNERS, "openvino", Runner(known.targets, known.precisions, known.open, lambda: "gone"))
    manifest = export_checkpoint(str(PARITY / "tiny.pt"), tmp_path / "bundle", precision="bf16")
    assert 1e-3 < manifest.parity.actions <= 0.16
    assert manifest.parity.actions != read_manifest(bf16).parity.actions


def test_only_a_bf16_bundle_is_computed_in_bf16(bf16: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself OpenVINO would take bfloat16 for fp32 graphs as well, where the processor has it."""
    exact, half = opened(tiny_bundle), opened(bf16)
    assert exact.engine.name == "OpenVINO, CPU, f32"
    assert half.engine.name in {"OpenVINO, CPU, bf16", "OpenVINO, CPU, f32"}  # as the processor has it
    np.testing.assert_allclose(exact.schedule(16), half.schedule(16), rtol=0, atol=1e-5)  # times need float32


def test_keys_and_values_in_bf16_cross_as_their_bits(bf16: Path) -> None:
    observed = opened(bf16).observe([FRAME])
    assert {value.dtype for value in observed.encoded.keys_values.values()} == {np.dtype(np.uint16)}
    assert observed.context.dtype == np.float32
    bits = observed.encoded.keys_values["key_0"].astype(np.uint32) << 16
    assert 0.01 < np.abs(bits.view(np.float32)).mean() < 100


def test_an_int8_bundle_is_refused_with_what_runs_it(int8_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"backend openvino does not run .*int8 for onnx; use --backend cpu"):
        open_policy(int8_bundle, backend="openvino")


def test_without_openvino_the_extra_is_named(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"openvino is not installed; .*pip install 'ngrt\[openvino\]'"):
        open_policy(tiny_bundle, backend="openvino")


def test_nothing_is_reported_and_nothing_is_written(tiny_bundle: Path, tmp_path: Path) -> None:
    script = f"""
import socket, sys
from pathlib import Path
def refused(*arguments): raise AssertionError("something was sent")
socket.socket.connect = socket.getaddrinfo = refused
from ngrt.inference.open import open_policy
import numpy as np
policy = open_policy(Path({str(tiny_bundle)!r}), backend="openvino")
policy.predict([np.zeros((9, 9, 3), np.uint8)])
policy.close()
assert "openvino" in sys.modules
assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
"""
    quiet = ("CI", "TF_BUILD", "JENKINS_URL")  # where it does not report anyway
    environment = {name: value for name, value in os.environ.items() if name not in quiet} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=HANG)
    written = [path.relative_to(tmp_path).parts[:3] for path in tmp_path.rglob("*") if path.is_file()]
    assert set(written) <= {(".cache", "ngrt", "verified")}  # that it acts here as where it was verified


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_loading_tells_nobody_anything_on_the_terminal(
    precision: str, bf16: Path, tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    opened({"fp32": tiny_bundle, "bf16": bf16}[precision]).close()
    assert capfd.readouterr() == ("", "")


def test_a_policy_with_memory_takes_fewer_frames_and_more_in_turn(bundle_of: Callable[[str], Path]) -> None:
    policy, plain = (open_policy(bundle_of("tiny-context-cfg"), backend=name) for name in ("openvino", "cpu"))
    noise = plain.draw_noise()
    for frames in ([FRAME], [FRAME[::-1], FRAME], [FRAME]):
        found, wanted = (each.predict(frames, noise, guidance=1.5).actions for each in (policy, plain))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def test_an_openvino_that_cannot_be_loaded_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("libtbb.so.12: cannot open shared object file\nNo such file or directory")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(BundleError, match=r"cannot be loaded \(libtbb.*use --backend cpu") as caught:
        import_openvino()
    assert "\n" not in str(caught.value)
