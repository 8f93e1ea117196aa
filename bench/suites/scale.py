"""How a chunk's time grows: with denoise steps, threads and frames of context, and with what a bundle fixes.

Horizon and length of the context are fixed when a bundle is made; for those, small policies with random weights are
made and exported, alike but for the one. Their times show how time grows, not how long a real chunk takes.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal

import numpy as np

from bench.schema.distribution import Distribution
from bench.subjects.instrumented import Instrumented, title_of
from bench.subjects.subjects import AnySubject, Subject
from bench.suites.suite import Effort, Inputs, Ready, Report
from ngrt.errors import install
from ngrt.messages import Image
from ngrt.policy.bundle import Backend, read_manifest
from ngrt.processor import usable_cores

What = Literal["steps", "threads", "context_frames", "horizon", "context_tokens"]

STEPS = (1, 2, 4, 8, 16, 32)
SECONDS = 0.4
FEWEST = 7
"""What the chunks of a point take at least where no number is asked for, and how many there are at least."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``exporting``: small policies are made, to vary what a bundle fixes."""

    exporting: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """Seconds a chunk with all that decides them, of which one thing is ``varied``."""

    varied: What
    steps: int
    threads: int
    context_frames: int
    horizon: int
    context_tokens: int
    seconds: Distribution

    @property
    def value(self) -> int:
        """Of what is varied."""
        found: int = getattr(self, self.varied)
        return found


@dataclass(frozen=True, slots=True)
class EngineScale:
    """An engine's points, each with ``usual_steps`` but where steps vary; ``synthetic``: made for this, as it says."""

    name: str
    precision: str
    backend: str
    synthetic: bool
    usual_steps: int
    points: list[Point]

    def facts(self) -> list[tuple[str, str]]:
        """Return it in lines for people: milliseconds for each value."""
        title = "small policy, random weights" if self.synthetic else title_of(self.name, self.precision, self.backend)
        rows = [(title, f"medians, ms; {self.usual_steps} steps where nothing else is said")]
        for what in dict.fromkeys(point.varied for point in self.points):
            own = [point for point in self.points if point.varied == what]
            cells = ", ".join(f"{point.value}: {point.seconds.p50 * 1e3:.3g}" for point in own)
            rows.append((f"  {what.replace('_', ' ')}", cells))
        return rows


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """Every engine's points; ``not_run``: what was not varied, and why."""

    threads: int
    engines: list[EngineScale]
    not_run: dict[str, str]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        rows = [("", f"{self.threads} threads where they do not vary")]
        rows += [row for engine in self.engines for row in engine.facts()]
        return rows + [(f"{what} not varied", reason) for what, reason in self.not_run.items()]


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures; with small policies only if the suite is asked for by name, for exporting takes minutes."""
    own = Settings(exporting=effort.of(Settings).exporting and effort.named)
    return Ready(
        lambda report: measure(
            inputs.any_engines, effort.threads, effort.samples, exporting=own.exporting, report=report
        ),
        own,
    )


def measure(
    engines: Sequence[AnySubject],
    threads: int,
    samples: int | None = None,
    *,
    exporting: bool = True,
    report: Report = lambda _: None,
) -> ScaleResult:
    """Return how the time of ``engines`` grows, ``samples`` chunks a point; if ``exporting``, that of small policies.

    :raises ngrt.errors.NgrtError: an engine cannot be loaded, or did not run what it must
    """
    found: list[EngineScale] = []
    for number, engine in enumerate(engines):
        found.append(_given(engine, threads, samples))
        report((number + 1) / (len(engines) + exporting))
    lacking: dict[str, str] = {}
    if all(read_manifest(Subject.of(engine).folder).policy.context_frames == 1 for engine in engines):
        lacking["context frames"] = "one is all that is seen; export an engine with --context-frames"
    try:
        if exporting:
            found.append(_small_policies(threads, samples))
            return ScaleResult(threads, found, lacking)
        reason = "exports policies for it, which takes a minute or two; name the suite: ngrt bench scale"
    except ModuleNotFoundError as error:
        reason = f"needs {error.name}: {install('export')}"
    return ScaleResult(threads, found, lacking | dict.fromkeys(("horizon", "context tokens"), reason))


def _given(given: AnySubject, threads: int, samples: int | None) -> EngineScale:
    """Vary what a bundle leaves open."""
    with Instrumented(given, threads) as engine:
        facts, spec = engine.facts, engine.policy.spec
        points = [_point(engine, "steps", threads, samples, steps=steps) for steps in STEPS]
        if spec.context_frames > 1:
            frames = range(1, spec.context_frames + 1)
            points += [_point(engine, "context_frames", threads, samples, frames=count) for count in frames]
    for count in _threads(facts.backend):
        with Instrumented(Subject(Subject.of(given).folder, facts.backend), count) as engine:
            points.append(_point(engine, "threads", count, samples))
    return EngineScale(facts.name, facts.precision, facts.backend, False, spec.steps, points)


def _threads(backend: Backend) -> list[int]:
    """Return the numbers of threads to try: powers of two and all cores; none for a GPU, which does not use them."""
    if backend in {"cuda", "tensorrt"}:
        return []
    cores = usable_cores()
    return sorted({cores, *(2**power for power in range(cores.bit_length()))} - {2 ** cores.bit_length()})


def _small_policies(threads: int, samples: int | None) -> EngineScale:
    """Make small policies and vary what a bundle fixes.

    :raises ModuleNotFoundError: torch, or what else makes them, is not installed
    """
    from bench.suites.scale_policies import bundles  # late: only this needs torch

    points: list[Point] = []
    with tempfile.TemporaryDirectory(prefix="ngrt-scale-") as folder:
        for varied, bundle in bundles(Path(folder)):
            with Instrumented(bundle, threads) as engine:
                points.append(_point(engine, varied, threads, samples))
                steps = engine.policy.spec.steps
    return EngineScale("synthetic", "fp32", "cpu", True, steps, points)


def _point(
    engine: Instrumented, varied: What, threads: int, samples: int | None, *, steps: int | None = None, frames: int = 1
) -> Point:
    spec = engine.policy.spec
    count = steps or spec.steps
    context = next(tensor for tensor in engine.manifest.graphs["observe"].outputs if tensor.name == "context")
    seconds = _seconds(engine, frames, count, samples)
    return Point(varied, count, threads, frames, spec.action_horizon, int(context.shape[1]), seconds)


def _seconds(engine: Instrumented, frames: int, steps: int, samples: int | None) -> Distribution:
    spec = engine.policy.spec
    pictures: list[Image] = [np.zeros((256, 256, 3), np.uint8)] * frames
    noise = np.zeros((spec.action_horizon, spec.action_dim), np.float32)

    def chunk() -> float:
        start = time.perf_counter()
        engine.predict(pictures, noise, steps)
        return time.perf_counter() - start

    chunk()
    warm = chunk()
    engine.reset()
    count = samples or max(FEWEST, ceil(SECONDS / warm))
    times = [chunk() for _ in range(count)]
    engine.calls_a_chunk(count, steps)
    return Distribution.of(times)
