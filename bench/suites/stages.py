"""Where the time of a chunk goes: preprocess, observe, each denoise step, decode, in calls that follow each other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from bench.limits import peaks
from bench.limits.roofline import Roofline, ceiling_or_reason, limit_facts
from bench.schema.distribution import Distribution
from bench.subjects.instrumented import Instrumented, title_of
from bench.subjects.subjects import AnySubject
from bench.suites.suite import Effort, Inputs, Ready
from ngrt.messages import Image
from ngrt.policy.actions import decode
from ngrt.policy.bundle import Backend
from ngrt.policy.preprocess import observation

FEWEST, MOST = 10, 200
SECONDS = 5.0
"""What an engine's chunks may take where no number is asked for."""


@dataclass(frozen=True, slots=True)
class EngineStages:
    """Seconds of each stage; ``denoise`` all steps together, ``steps`` one by one where they run by themselves.

    ``preprocess``: from a 1280 x 720 frame to the graph's input; ``decode``: from actions to a chunk of pad states.
    """

    name: str
    precision: str
    backend: Backend
    preprocess: Distribution
    observe: Distribution
    denoise: Distribution
    steps: list[Distribution]
    decode: Distribution
    total: Distribution
    roofline: Roofline | None
    no_roofline: str

    def facts(self) -> list[tuple[str, str]]:
        """Return it in lines for people."""
        rows = [
            (title_of(self.name, self.precision, self.backend), self.total.line()),
            ("  preprocess", self.preprocess.line()),
            ("  observe", self.observe.line()),
            ("  denoise", self.denoise.line()),
        ]
        if self.steps:
            slowest = max(range(len(self.steps)), key=lambda step: self.steps[step].p50)
            rows.append(("    first step", self.steps[0].line()))
            rows.append((f"    slowest, no. {slowest + 1} of {len(self.steps)}", self.steps[slowest].line()))
        return [*rows, ("  decode", self.decode.line()), *limit_facts(self.roofline, self.no_roofline)]


@dataclass(frozen=True, slots=True)
class StagesResult:
    """Every engine's stages, with as many denoise steps as ``denoise_steps`` says."""

    threads: int
    denoise_steps: int
    engines: list[EngineStages]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        rows = [("", f"{self.denoise_steps} steps, {self.threads} threads; from 1280 x 720 to a chunk of pad states")]
        for engine in self.engines:
            rows += engine.facts()
        return rows


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures."""
    return Ready(lambda _: measure(inputs.any_engines, effort.threads, effort.samples, effort.steps))


def measure(
    engines: Sequence[AnySubject], threads: int, samples: int | None = None, steps: int | None = None
) -> StagesResult:
    """Return the stages of ``samples`` chunks of each engine, of as many as take some seconds if None.

    :raises ngrt.errors.NgrtError: an engine cannot be loaded, or did not run what it must
    """
    found: list[EngineStages] = []
    for given in engines:
        with Instrumented(given, threads) as engine:
            steps = steps or engine.policy.spec.steps
            found.append(_stages(engine, threads, samples, steps))
    return StagesResult(threads, steps or 0, found)


STAGES = ("preprocess", "observe", "denoise", "decode")


def _stages(engine: Instrumented, threads: int, samples: int | None, steps: int) -> EngineStages:
    ceiling_or_reason(engine, threads)  # measures the peaks, and once more below
    frame = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    for _ in range(2):
        warm = sum(_chunk(engine, frame, steps))
    engine.reset()
    count = samples or min(MOST, max(FEWEST, ceil(SECONDS / warm)))
    rows = [_chunk(engine, frame, steps) for _ in range(count)]
    engine.calls_a_chunk(count, steps)
    peaks.measure_again()
    limit = ceiling_or_reason(engine, threads)
    stages = {name: Distribution.of([row[number] for row in rows]) for number, name in enumerate(STAGES)}
    total = Distribution.of([sum(row) for row in rows])
    each = engine.times["denoise"]
    medians = {name: Distribution.of(times).p50 for name, times in engine.times.items() if times}
    facts = engine.facts
    return EngineStages(
        facts.name,
        facts.precision,
        facts.backend,
        stages["preprocess"],
        stages["observe"],
        stages["denoise"],
        [Distribution.of(each[step::steps]) for step in range(steps)] if each else [],
        stages["decode"],
        total,
        None if isinstance(limit, str) else limit.chunk(steps, total.p50, medians),
        limit if isinstance(limit, str) else "",
    )


def _chunk(engine: Instrumented, frame: Image, steps: int) -> tuple[float, ...]:
    """Make a chunk as `EnginePolicy.predict` does; return the seconds of each stage."""
    policy, now = engine.policy, time.perf_counter
    noise = policy.draw_noise()
    start = now()
    pictures = observation([frame], policy.spec.image_size)
    shrunk = now()
    observed = policy.observe_each(pictures)
    seen = now()
    actions = policy.denoise(observed, noise, steps)[0]
    done = now()
    decode(actions, old_layout=policy.spec.old_layout)
    return shrunk - start, seen - shrunk, done - seen, now() - done
