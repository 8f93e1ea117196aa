"""What can run a bundle: one row a backend. Each is imported when it is opened, so that none is a dependency."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ngrt.errors import install
from ngrt.inference.engine import Engine
from ngrt.policy.bundle import Backend, Manifest, Precision, Target

Opener = Callable[[Path, Manifest, int | None], Engine[Any]]
"""Opens the bundle in a folder, its manifest given; the threads matter to processors alone."""


def _cpu(folder: Path, manifest: Manifest, threads: int | None) -> Engine[Any]:
    from ngrt.inference.onnx.cpu import OnnxEngine

    return OnnxEngine(folder, manifest, threads)


def _openvino(folder: Path, manifest: Manifest, threads: int | None) -> Engine[Any]:
    from ngrt.inference.openvino import OpenvinoEngine

    return OpenvinoEngine(folder, manifest, threads)


def _cuda(folder: Path, manifest: Manifest, threads: int | None) -> Engine[Any]:
    from ngrt.inference.onnx.cuda import CudaEngine

    return CudaEngine(folder, manifest)


def _tensorrt(folder: Path, manifest: Manifest, threads: int | None) -> Engine[Any]:
    from ngrt.inference.tensorrt.engine import TensorRtEngine

    return TensorRtEngine(folder, manifest)


def _always() -> str:
    return ""


def _no_openvino() -> str:
    return "" if find_spec("openvino") else f"openvino is not installed: {install('openvino')}"


def _no_gpu() -> str:
    from ngrt.inference.cuda.presence import why_no_gpu

    return why_no_gpu()


def _no_cuda() -> str:
    from ngrt.inference.onnx.device import why_no_cuda

    return why_no_cuda()


@dataclass(frozen=True, slots=True)
class Runner:
    """What a backend takes, what opens it, and what says why it cannot be used on this machine, empty if it can."""

    targets: tuple[Target, ...]
    precisions: tuple[Precision, ...]
    open: Opener
    lacking: Callable[[], str] = _always

    def takes(self, manifest: Manifest) -> bool:
        """Return whether it can run such a bundle."""
        return manifest.target in self.targets and manifest.precision in self.precisions


RUNNERS: dict[Backend, Runner] = {
    "tensorrt": Runner(("tensorrt", "tensorrt-rtx"), ("fp32", "fp16", "bf16", "fp8"), _tensorrt, _no_gpu),
    "cuda": Runner(("onnx",), ("fp32", "fp16", "bf16"), _cuda, _no_cuda),
    "cpu": Runner(("onnx",), ("fp32", "fp16", "int8"), _cpu),  # ONNX Runtime has no bf16 products for processors
    "openvino": Runner(("onnx",), ("fp32", "fp16", "bf16"), _openvino, _no_openvino),
}
"""Every backend. Where several can run a bundle, one that needs a GPU goes before those that do not."""

ON_PROCESSORS: tuple[Backend, ...] = ("cpu", "openvino")
"""Of these the faster is taken, as measured: which one it is depends on the processor."""
