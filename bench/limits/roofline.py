"""How long a graph must take at least on this device, and how near to that it comes.

At the limit a graph takes as long as its operations at the rate of its largest product alone, or as its bytes at the
bandwidth of memory, whichever is longer. Bytes count only where they are more than the largest cache holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.limits import peaks
from bench.limits.onnx_work import Kind, Work, count_graph, operations
from bench.schema.distribution import in_bytes, in_words
from bench.subjects.instrumented import Instrumented
from ngrt.errors import NgrtError
from ngrt.policy.bundle import GraphName, Manifest
from ngrt.text import one_line

Bound = Literal["arithmetic", "memory"]


@dataclass(frozen=True, slots=True)
class Peaks:
    """What the device can do, as measured: billions of bytes a second from memory, of operations by what is multiplied.

    ``cache_bytes``: its largest cache, None where it is not known.
    """

    peak_gbytes: float
    peak_gflops: dict[Kind, float]
    cache_bytes: int | None


@dataclass(frozen=True, slots=True)
class GraphLimit:
    """One run of a graph: its work, seconds of that work at the peaks, and the longer of the two, the limit.

    ``measured``: median seconds of a run, None where it does not run by itself; ``share`` of the limit that it reaches.
    """

    graph: GraphName
    gflop: dict[Kind, float]
    gbytes: float
    arithmetic_seconds: float
    memory_seconds: float
    limit_seconds: float
    bound: Bound
    measured: float | None
    share: float | None

    @classmethod
    def of(cls, graph: GraphName, work: Work, peaks: Peaks, measured: float | None) -> "GraphLimit":
        """Return the limit of ``work``."""
        gflop = {kind: count / 1e9 for kind, count in work.operations.items()}
        gbytes = work.bytes / 1e9
        arithmetic = sum(count / peaks.peak_gflops[kind] for kind, count in gflop.items())
        cached = peaks.cache_bytes is not None and work.bytes <= peaks.cache_bytes
        memory = 0.0 if cached else gbytes / peaks.peak_gbytes
        limit, bound = max(arithmetic, memory), _bound(arithmetic, memory)
        share = None if measured is None else limit / measured
        return cls(graph, gflop, gbytes, arithmetic, memory, limit, bound, measured, share)

    def line(self) -> str:
        """Return it for people."""
        reached = "" if self.share is None else f", {self.share:.0%} reached"
        work = f"{sum(self.gflop.values()):.3g} GFLOP, {in_bytes(self.gbytes * 1e9)}"
        return f"{in_words(self.limit_seconds)} by {self.bound}{reached} ({work})"


@dataclass(frozen=True, slots=True)
class Roofline:
    """A chunk of ``steps`` steps: observe once, denoise every step; ``share`` of its limit that was reached."""

    peaks: Peaks
    graphs: tuple[GraphLimit, ...]
    steps: int
    gflop: float
    limit_seconds: float
    share: float

    def facts(self) -> list[tuple[str, str]]:
        """Return it in lines for people."""
        rates = ", ".join(f"{kind} {rate:.0f} GFLOP/s" for kind, rate in self.peaks.peak_gflops.items())
        return [
            ("  hardware's limit", f"{in_words(self.limit_seconds)}: {self.share:.0%} reached"),
            *((f"    {limit.graph}", limit.line()) for limit in self.graphs),
            ("    measured peaks", f"{rates}; memory {self.peaks.peak_gbytes:.1f} GB/s"),
            *([("    beyond it", "something else ran while the peaks were measured")] if self.share > 1 else []),
        ]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What an engine's graphs are and what its device can do, before anything is timed."""

    peaks: Peaks
    observe: Work
    denoise: Work

    def chunk(self, steps: int, seconds: float, medians: Mapping[GraphName, float]) -> Roofline:
        """Return the roofline of a chunk that took ``seconds``, its graphs the ``medians`` that are known."""
        observe = GraphLimit.of("observe", self.observe, self.peaks, medians.get("observe"))
        denoise = GraphLimit.of("denoise", self.denoise, self.peaks, medians.get("denoise"))
        limit = observe.limit_seconds + steps * denoise.limit_seconds
        gflop = sum(observe.gflop.values()) + steps * sum(denoise.gflop.values())
        return Roofline(self.peaks, (observe, denoise), steps, gflop, limit, limit / seconds)


def ceiling(engine: Instrumented, threads: int, frames: int = 1) -> Ceiling:
    """Return what ``engine`` could reach at most with ``threads`` threads on ``frames`` frames; measures its device.

    :raises ngrt.errors.BundleError: its graphs cannot be counted
    """
    works = work_of(engine.folder, engine.manifest, frames)
    device = DEVICES[engine.facts.backend]
    if device == "openvino":
        works = works[0].run_in(engine.manifest.precision), works[1].run_in(engine.manifest.precision)
    largest = max((product for work in works for product in work.largest.values()), key=operations)
    kinds = sorted({kind for work in works for kind in work.operations})
    rates = {kind: peaks.rate(device, kind, largest, threads) / 1e9 for kind in kinds}
    cache = None if device == "gpu" else peaks.cache_bytes()
    return Ceiling(Peaks(peaks.bandwidth(device, threads) / 1e9, rates, cache), *works)


def work_of(folder: Path, manifest: Manifest, frames: int) -> tuple[Work, Work]:
    """Return the work of observe and of denoise: from the graphs, or from the shapes where an engine hides its own."""
    if manifest.target == "onnx":
        observe, denoise = (folder / manifest.graphs[name].file for name in ("observe", "denoise"))
        return count_graph(observe, frames), count_graph(denoise, frames)
    from bench.limits.torch_work import count_model  # late: only this needs torch

    return count_model(manifest, folder, frames)


DEVICES: dict[str, peaks.Device] = {"cpu": "cpu", "openvino": "openvino", "cuda": "gpu", "tensorrt": "gpu"}


def _bound(arithmetic: float, memory: float) -> Bound:
    return "arithmetic" if arithmetic >= memory else "memory"


def limit_facts(roofline: Roofline | None, reason: str) -> list[tuple[str, str]]:
    """Return the lines on the hardware's limit, or why there are none."""
    return [("  hardware's limit", f"not known: {reason}")] if roofline is None else roofline.facts()


def ceiling_or_reason(engine: Instrumented, threads: int) -> Ceiling | str:
    """Return what ``engine`` could reach at most, or why that is not known."""
    try:
        return ceiling(engine, threads)
    except (NgrtError, ModuleNotFoundError, RuntimeError, AssertionError) as error:  # the last two are torch's, of GPUs
        return one_line(error)
