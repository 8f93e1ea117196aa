"""What a measurement is: its distribution, and where and with what it was taken."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np

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

UNITS = {"s": (1, 3), "ms": (1e3, 2), "us": (1e6, 1)}
"""Factor from seconds and digits to show."""

Unit = Literal["s", "ms", "us"]

P99_SAMPLES = 662
"""The fewest samples whose 99th percentile means something: MLPerf's number for a confidence of 99%."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds; ``samples`` as they were taken."""

    samples: tuple[float, ...]
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Distribution":
        """Return the distribution of ``samples``."""
        p50, p90, p95, p99 = np.percentile(samples, (50, 90, 95, 99), method="nearest")
        return cls(tuple(samples), float(p50), float(p90), float(p95), float(p99), max(samples))

    @property
    def has_p99(self) -> bool:
        """Whether there are samples enough for the 99th percentile to mean something."""
        return len(self.samples) >= P99_SAMPLES

    def line(self, unit: Unit | None = None) -> str:
        """Return the percentiles in ``unit`` for people, in the one that suits the median if None."""
        unit = unit or _unit(self.p50)
        factor, digits = UNITS[unit]
        named = {"p90": self.p90, "p99": self.p99, "max": self.max}
        if not self.has_p99:
            del named["p99"]
        rest = ", ".join(f"{name} {value * factor:.{digits}f}" for name, value in named.items())
        return f"{self.p50 * factor:.{digits}f} {unit} ({rest}; {len(self.samples)} samples)"


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


def in_words(seconds: float) -> str:
    """Return a time in three digits and the unit that suits it."""
    unit = _unit(seconds)
    return f"{seconds * UNITS[unit][0]:.3g} {unit}"


def in_bytes(count: float) -> str:
    """Return a number of bytes in three digits and the unit that suits it."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _unit(seconds: float) -> Unit:
    return "s" if seconds >= 1 else "ms" if seconds >= 1e-4 else "us"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0] if names else platform.processor()}, {platform.system()} {platform.machine()}"
