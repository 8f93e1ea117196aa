"""What a measurement is: its distribution, and where and with what it was taken."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np

TOOLS = ("ngrt", "onnxruntime-gpu", "onnxruntime", "torch", "numpy", "opencv-python-headless")

UNITS = {"s": (1, 3), "ms": (1e3, 2), "us": (1e6, 1)}
"""Factor from seconds and digits to show."""


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

    def line(self, unit: Literal["s", "ms", "us"]) -> str:
        """Return the percentiles in ``unit`` for people."""
        factor, digits = UNITS[unit]
        p50, p90, p99, most = (f"{value * factor:.{digits}f}" for value in (self.p50, self.p90, self.p99, self.max))
        return f"{p50} {unit} (p90 {p90}, p99 {p99}, max {most}; {len(self.samples)} samples)"


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
