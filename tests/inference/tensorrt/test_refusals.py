"""Engines that this machine, its GPU or its library cannot run: each is refused with the command that mends it."""

from pathlib import Path

import pytest
import tensorrt_rtx
from cuda.bindings import runtime as real_runtime

from ngrt.errors import MissingExtraError
from ngrt.inference.open import open_policy
from ngrt.inference.tensorrt.edition import OF_RTX, rebuild
from ngrt.policy.bundle import Precision, Target, read_manifest, sha256_of
from tests.inference.gpu.rig import VERSION, Machine, engines_of, rewrite
from tests.inference.gpu.runtime import Errors
from tests.inference.tensorrt.chunks import refusal

OPTIONS = "--target tensorrt-rtx --compute-capability {} --precision fp32 --context-frames 2 --out DIR"


REBUILD = f"ngrt export tiny-context-cfg.pt {OPTIONS}"


def test_an_engine_of_another_version_is_refused_with_the_command_that_rebuilds_it(
    machine: Machine, onnx: Path, tmp_path: Path
) -> None:
    folder = engines_of(onnx, tmp_path / "engines", version="1.6.0.1")
    text = refusal(lambda: machine.open(folder))
    assert f"built by tensorrt_rtx 1.6.0.1, and {VERSION} is installed" in text
    assert text.endswith(REBUILD.format(89))
    assert machine.driver.live == 0


def test_an_engine_for_another_gpu_is_refused_with_the_command_that_rebuilds_it(
    machine: Machine, engines: Path
) -> None:
    machine.driver.capability, machine.driver.gpu = (12, 0), "NVIDIA GeForce RTX 5090"
    text = refusal(lambda: machine.open(engines))
    assert "built for compute capability 8.9, and this NVIDIA GeForce RTX 5090 has 12.0" in text
    assert text.endswith(REBUILD.format(120))
    assert machine.driver.live == 0


@pytest.mark.parametrize(
    ("precision", "capability", "options"),
    [
        ("fp8", "12.0", "--target tensorrt-rtx --compute-capability 120 --precision fp8"),
        ("fp8", "8.6", "--target tensorrt-rtx --compute-capability 86 --precision fp16"),
        ("bf16", "7.5", "--target tensorrt-rtx --compute-capability 75 --precision fp16"),
        ("fp16", "9.0", "--target tensorrt --compute-capability 90 --precision fp16"),
    ],
)
def test_the_command_asks_for_nothing_that_the_gpu_or_the_edition_has_not(
    engines: Path, precision: Precision, capability: str, options: str
) -> None:
    manifest = read_manifest(engines).model_copy(update={"precision": precision})
    assert options in rebuild(manifest, capability)


def test_the_capabilities_of_the_edition_are_those_of_the_installed_library() -> None:
    names = (name for name in vars(tensorrt_rtx.ComputeCapability) if name.startswith("SM"))
    assert {f"{name[2:-1]}.{name[-1]}" for name in names} == OF_RTX


def test_a_file_that_the_library_cannot_read_is_refused_with_its_reason(
    machine: Machine, onnx: Path, tmp_path: Path
) -> None:
    folder = engines_of(onnx, tmp_path / "engines")
    (folder / "denoise.engine").write_bytes(b"damaged")
    manifest = read_manifest(folder)
    broken = manifest.graphs["denoise"].model_copy(update={"sha256": sha256_of(folder / "denoise.engine")})
    rewrite(folder, manifest.model_copy(update={"graphs": manifest.graphs | {"denoise": broken}}))
    text = refusal(lambda: machine.open(folder))
    assert "denoise.engine: TensorRT for RTX" in text
    assert "(the plan has no magic tag)" in text
    assert text.endswith(REBUILD.format(89))
    assert machine.driver.live == 0


def test_a_file_that_was_changed_is_refused(machine: Machine, onnx: Path, tmp_path: Path) -> None:
    folder = engines_of(onnx, tmp_path / "engines")
    with (folder / "observe.engine").open("ab") as file:
        file.write(b"x")
    assert "observe.engine was changed" in refusal(lambda: machine.open(folder))
    assert machine.driver.live == 0


def test_engines_that_do_not_fit_each_other_are_refused(
    machine: Machine, onnx: Path, unaligned: Path, tmp_path: Path
) -> None:
    folder, other = engines_of(onnx, tmp_path / "engines"), engines_of(unaligned, tmp_path / "half")
    (folder / "denoise.engine").write_bytes((other / "denoise.engine").read_bytes())
    manifest = read_manifest(folder)
    graphs = manifest.graphs | {"denoise": read_manifest(other).graphs["denoise"]}
    rewrite(folder, manifest.model_copy(update={"graphs": graphs}))
    assert "key_0 of denoise.engine is HALF, not FLOAT; export it again" in refusal(lambda: machine.open(folder))
    assert machine.driver.live == 0


def test_engines_that_do_not_fit_the_policy_are_refused_and_freed(machine: Machine, onnx: Path, tmp_path: Path) -> None:
    folder = engines_of(onnx, tmp_path / "engines")
    manifest = read_manifest(folder)
    rewrite(folder, manifest.model_copy(update={"policy": manifest.policy.model_copy(update={"cross_layers": 3})}))
    assert "outputs of observe" in refusal(lambda: open_policy(folder))
    assert machine.driver.live == 0


@pytest.mark.parametrize("status", [Errors.cudaErrorNoDevice, Errors.cudaErrorInsufficientDriver])
def test_a_machine_without_a_gpu_is_told_to_use_an_onnx_bundle(machine: Machine, engines: Path, status: object) -> None:
    machine.driver.count = status, None
    text = refusal(lambda: machine.open(engines))
    assert "needs an NVIDIA GPU" in text
    assert f"({status.name}: " in text  # type: ignore[attr-defined]
    assert text.endswith("on this machine use an onnx bundle: ngrt export CHECKPOINT --out DIR")


def test_this_machine_is_told_so_too_if_it_has_no_gpu(engines: Path) -> None:
    status, count = real_runtime.cudaGetDeviceCount()
    if int(status) == 0 and count:
        pytest.skip("this machine has an NVIDIA GPU")
    assert "needs an NVIDIA GPU" in refusal(lambda: open_policy(engines))


@pytest.mark.parametrize(
    ("module", "target", "extra"),
    [
        ("tensorrt_rtx", "tensorrt-rtx", "tensorrt-rtx"),
        ("tensorrt", "tensorrt", "tensorrt"),
        ("cuda.bindings.runtime", "tensorrt-rtx", "tensorrt-rtx"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(
    machine: Machine,
    onnx: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    target: Target,
    extra: str,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    folder = engines_of(onnx, tmp_path / "engines", target)
    assert refusal(lambda: machine.open(folder), MissingExtraError).endswith(f"'ngrt[{extra}]'")
