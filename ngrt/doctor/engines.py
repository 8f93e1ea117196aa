"""What can run engines, and what can build them.

What concerns GPUs has been run only where there is none.
"""

import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ngrt.doctor.checks import Finding
from ngrt.errors import NgrtError, install
from ngrt.inference.cuda.presence import NO_DRIVER, why_no_gpu

ASKING = 2.0
"""Seconds for nvidia-smi."""

LOADED_LATE = "TensorrtExecutionProvider"
"""Named by every build of onnxruntime-gpu, also where TensorRT is not installed; ngrt uses TensorRT by itself."""

EXPORT = ("torch", "onnx", "onnxscript", "pyarrow", "huggingface_hub")


def gpu() -> Finding:
    """Find an NVIDIA GPU and its driver."""
    reason = why_no_gpu()
    if not reason:
        return Finding("good", _nvidia_smi() or "an NVIDIA GPU; nvidia-smi is not there to name it")
    if reason == NO_DRIVER:
        fix = "if it has one, install the driver: nvidia.com/drivers"
        return Finding("missing", f"{reason}; engines run on the processor", fix)
    return Finding("missing", reason, "nvidia-smi  # says why; CUDA_VISIBLE_DEVICES must not be empty")


def onnx_runtime() -> Finding:
    """Find ONNX Runtime and what it can run on. Without it there is no engine for processors."""
    try:
        from ngrt.inference.onnx.library import imported, package

        ort = imported()
    except NgrtError as error:
        return Finding("missing", error.problem, error.remedy.removeprefix("install it with: "))
    from ngrt.inference.onnx.device import CUDA, why_no_cuda

    providers = [name for name in ort.get_available_providers() if name != LOADED_LATE]
    short = ", ".join(name.removesuffix("ExecutionProvider") for name in providers)
    found = f"{ort.__version__}: {short}"
    if "CPUExecutionProvider" not in providers:
        return Finding("missing", found, f"pip install --force-reinstall {package()}")
    if CUDA in providers and (reason := why_no_cuda()):
        found = f"{found} ({reason}: processor only)"
    return Finding("good", found)


def openvino() -> Finding:
    """Find OpenVINO, which runs fp32 and bf16 engines on processors, often faster."""
    return _installed("openvino", "openvino", "openvino")


def tensorrt() -> Finding:
    """Find an edition of TensorRT."""
    editions = [("tensorrt", "tensorrt", "TensorRT"), ("tensorrt_rtx", "tensorrt-rtx", "TensorRT for RTX")]
    have = [f"{title} {_version(package)}" for module, package, title in editions if find_spec(module)]
    if not have:
        return Finding("missing", "not installed", f"{install('tensorrt')}  # or ngrt[tensorrt-rtx] for GeForce")
    if find_spec("cuda") is None:
        return Finding("missing", f"{', '.join(have)}; cuda-python is not installed", "pip install cuda-python")
    reason = why_no_gpu()
    return Finding("limited" if reason else "good", f"{', '.join(have)}{reason and f'; {reason}, so it only builds'}")


def exporting() -> Finding:
    """Find what turns checkpoints into engines; torch is searched for, not loaded."""
    lacking = [module for module in EXPORT if find_spec(module) is None]
    if lacking:
        return Finding("missing", f"{', '.join(lacking)}: not installed", install("export"))
    return Finding("good", f"torch {_version('torch')}, onnx {_version('onnx')}")


def _installed(module: str, package: str, extra: str) -> Finding:
    if find_spec(module) is None:
        return Finding("missing", "not installed", install(extra))
    return Finding("good", _version(package))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of an unknown version"


def _nvidia_smi() -> str:
    """Return GPUs, their memory and the driver, as nvidia-smi says; empty if it cannot."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=ASKING, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    rows = [[part.strip() for part in line.split(",")] for line in said.splitlines() if line.strip()]
    return "; ".join(f"{row[0]}, {row[1]}, driver {row[2]}" for row in rows if len(row) == 3)
