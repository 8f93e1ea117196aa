"""Where and when a measurement was taken, and with what."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

TOOLS = (
    "ngrt",
    "onnxruntime-gpu",
    "onnxruntime",
    "openvino",
    "tensorrt",
    "tensorrt-rtx",
    "cuda-python",
    "onnx",
    "torch",
    "numpy",
    "opencv-python-headless",
    "av",
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where and when a measurement was taken; ``load``: what else kept the machine busy before, None if unknown."""

    taken: str
    machine: str
    cores: int
    load: float | None
    python: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> "Provenance":
        """Return this machine, now."""
        versions = {}
        for tool in TOOLS:
            try:
                versions[tool] = version(tool)
            except PackageNotFoundError:
                continue
        return cls(
            datetime.now(UTC).isoformat(timespec="seconds"),
            _processor(),
            os.cpu_count() or 1,
            os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            platform.python_version(),
            versions,
        )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0] if names else platform.processor()}, {platform.system()} {platform.machine()}"
