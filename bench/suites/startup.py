"""How long an engine takes from nothing to the first action, each time in a fresh process; files warm in the cache."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.schema.distribution import Distribution
from bench.subjects.instrumented import title_of
from bench.subjects.subjects import AnySubject, Subject
from bench.suites.fresh_process import start
from bench.suites.suite import Effort, Inputs, Ready
from ngrt.policy.bundle import read_manifest

STARTS = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """``starts``: processes for each engine."""

    starts: int = STARTS


@dataclass(frozen=True, slots=True)
class EngineStartup:
    """Seconds, a sample for each process.

    ``whole``: from starting the process to the first action; the rest is as in `bench.suites.fresh_process.Fresh`.
    """

    name: str
    precision: str
    backend: str
    whole: Distribution
    imports: Distribution
    load: Distribution
    warm_up: Distribution
    first_action: Distribution

    def facts(self) -> list[tuple[str, str]]:
        """Return it in lines for people."""
        return [
            (title_of(self.name, self.precision, self.backend), self.whole.line("s")),
            ("  import", self.imports.line("s")),
            ("  load, hashes checked", self.load.line("s")),
            ("  warm-up, a chunk", self.warm_up.line("s")),
            ("  first action, a chunk", self.first_action.line("s")),
        ]


@dataclass(frozen=True, slots=True)
class StartupResult:
    """Every engine's start, with its own number of steps."""

    threads: int
    engines: list[EngineStartup]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        rows = [("", f"{self.threads} threads; from starting a process to its first action")]
        return rows + [row for engine in self.engines for row in engine.facts()]


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures."""
    own = effort.of(Settings)
    return Ready(lambda _: measure(inputs.any_engines, effort.threads, own.starts), own)


def measure(engines: Sequence[AnySubject], threads: int, starts: int = STARTS) -> StartupResult:
    """Return what ``starts`` fresh processes took for each engine, the first of them, which warms files, not counted.

    :raises ngrt.errors.BundleError: an engine cannot be loaded
    """
    return StartupResult(threads, [_of(engine, threads, starts) for engine in engines])


def _of(engine: AnySubject, threads: int, starts: int) -> EngineStartup:
    manifest = read_manifest(Subject.of(engine).folder)
    _, *samples = (start(engine, threads) for _ in range(starts + 1))

    def seconds(part: str) -> Distribution:
        return Distribution.of([getattr(sample, part) for sample in samples])

    return EngineStartup(
        manifest.name,
        manifest.precision,
        samples[0].backend,
        *(seconds(part) for part in ("whole", "imports", "load", "warm_up", "first_action")),
    )
