"""How much memory an engine needs, in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.schema.distribution import in_bytes
from bench.subjects.instrumented import title_of
from bench.subjects.subjects import AnySubject, Subject
from bench.suites.fresh_process import STATUS, Fresh, start
from bench.suites.suite import Effort, Inputs, LackingError, Ready
from ngrt.policy.bundle import read_manifest

PROCESSES = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """``processes`` for each engine."""

    processes: int = PROCESSES


@dataclass(frozen=True, slots=True)
class EngineMemory:
    """Bytes in memory, each the most of several processes: resident, and at the ``peak`` until after two chunks.

    Resident are also pages of files that the system could drop, such as mapped weights. ``bundle_bytes``: its files.
    """

    name: str
    precision: str
    backend: str
    bundle_bytes: int
    after_imports: int
    after_load: int
    after_chunk: int
    peak_bytes: int

    def facts(self) -> list[tuple[str, str]]:
        """Return it in lines for people."""
        title = title_of(self.name, self.precision, self.backend)
        return [
            (title, f"{in_bytes(self.peak_bytes)} at the peak; the bundle has {in_bytes(self.bundle_bytes)}"),
            ("  after imports", in_bytes(self.after_imports)),
            ("  after loading", in_bytes(self.after_load)),
            ("  after two chunks", in_bytes(self.after_chunk)),
        ]


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """Every engine's memory."""

    threads: int
    engines: list[EngineMemory]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        return [row for engine in self.engines for row in engine.facts()]


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures.

    :raises LackingError: this system does not tell what a process has in memory
    """
    if not STATUS.is_file():
        raise LackingError(f"needs {STATUS}, which this system has not")
    own = effort.of(Settings)
    return Ready(lambda _: measure(inputs.any_engines, effort.threads, own.processes), own)


def measure(engines: Sequence[AnySubject], threads: int, processes: int = PROCESSES) -> MemoryResult:
    """Return the memory of ``processes`` processes for each engine, where `bench.suites.fresh_process.STATUS` exists.

    :raises ngrt.errors.BundleError: an engine cannot be loaded
    """
    return MemoryResult(threads, [_of(engine, threads, processes) for engine in engines])


def _of(engine: AnySubject, threads: int, processes: int) -> EngineMemory:
    folder = Subject.of(engine).folder
    manifest = read_manifest(folder)
    samples = [start(engine, threads) for _ in range(processes)]
    files = [part.file for graph in manifest.graphs.values() for part in (graph, *graph.data)]
    return EngineMemory(
        manifest.name,
        manifest.precision,
        samples[0].backend,
        sum((folder / file).stat().st_size for file in files),
        *(_most(samples, part) for part in ("after_imports", "after_load", "after_chunk", "peak")),
    )


def _most(samples: Sequence[Fresh], part: str) -> int:
    return max(getattr(sample, part) or 0 for sample in samples)
