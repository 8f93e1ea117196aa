"""What a measurement is: its distribution, and where and with what it was taken."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np

TOOLS = ("ngrt", "onnxruntime-gpu", "onnxruntime", "torch", "numpy", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds; ``samples`` as they were taken."""

    samples: tuple[float, ...]
    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Distribution":
        """Return the distribution of ``samples``."""
        p50, p90, p99 = np.percentile(samples, (50, 90, 99), method="nearest")
        return cls(tuple(samples), float(p50), float(p90), float(p99), max(samples))


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where and when a measurement was taken."""

    taken: str
    machine: str
    cores: int
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
