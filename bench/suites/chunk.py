"""How long a chunk takes: engines against the reference's way of running the same policy, alternating.

MLPerf's single-stream scenario: a chunk is issued as soon as the one before is done, and takes from then to its
actions. The reference takes much longer, so between two of its chunks each engine makes several.
"""

import gc
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from bench.limits import peaks
from bench.limits.roofline import Ceiling, Roofline, ceiling_or_reason, limit_facts
from bench.limits.torch_work import baseline_gflop
from bench.schema.distribution import P99_SAMPLES, Distribution
from bench.subjects.instrumented import Instrumented, checked_calls, title_of
from bench.subjects.reference import PRECISIONS, Baseline, BaselinePrecision, Device, expected_calls
from bench.subjects.subjects import AnySubject, Subject, check_origin
from bench.suites.suite import Effort, Inputs, LackingError, Ready, Report
from ngrt.messages import Array, Image
from ngrt.policy.bundle import Backend, GraphName

ROUNDS = 7
"""Chunks of the reference's, each way."""

FEWEST = 21
SECONDS = 60.0
"""What all engines' chunks may take together where no number of samples is asked for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``rounds``: chunks of the reference's, each way."""

    rounds: int = ROUNDS


@dataclass(frozen=True, slots=True)
class EngineChunk:
    """An engine's ``seconds`` a chunk, and of each run of its graphs where they run by themselves.

    ``ratios``: how many times faster than each of the reference's ways, of medians; ``difference``: the largest between
    its actions and the reference's in fp32; ``calls``: how often each graph ran in a chunk, counted; ``p99_is_meant``:
    there are samples enough for it. ``roofline``: None where ``no_roofline`` says why.
    """

    name: str
    precision: str
    backend: Backend
    seconds: Distribution
    p99_is_meant: bool
    observe: Distribution | None
    denoise: Distribution | None
    ratios: dict[str, float]
    difference: float
    calls: dict[str, float]
    roofline: Roofline | None
    no_roofline: str

    def facts(self, steps: int) -> list[tuple[str, str]]:
        """Return it in lines for people."""
        times = ", ".join(f"{ratio:.2f} ({name})" for name, ratio in self.ratios.items())
        title = title_of(self.name, self.precision, self.backend)
        rows = [(title, self.seconds.line()), ("  times faster than it", times)]
        if self.observe is not None and self.denoise is not None:
            rows += [("  observe", self.observe.line()), (f"  denoise, {steps} times", self.denoise.line())]
        rows.append(("  actions differ by", f"{self.difference:.1e} at most"))
        rows.append(("  calls a chunk", _calls(self.calls)))
        return rows + limit_facts(self.roofline, self.no_roofline)


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """Chunks of ``steps`` steps, from a 256 x 256 frame to actions, warm.

    ``baselines``: seconds of the reference's way by precision, on ``device``; ``baseline_calls``: how often its parts
    ran in a chunk, counted; ``baseline_difference``: the largest between its actions in bf16 and in fp32.
    """

    steps: int
    threads: int
    device: str
    baselines: dict[str, Distribution]
    baseline_calls: dict[str, float]
    baseline_difference: float
    baseline_gflop: float
    engines: list[EngineChunk]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        rows = [("", f"{self.steps} steps, {self.threads} threads; medians and percentiles")]
        for name, seconds in self.baselines.items():
            rows.append((f"reference's way, {name}", seconds.line("s")))
        rows.append(("  arithmetic", f"{self.baseline_gflop:.3g} GFLOP, torch on the {self.device}"))
        rows.append(("  bf16 differs by", f"{self.baseline_difference:.1e} at most"))
        rows.append(("  calls a chunk", _calls(self.baseline_calls)))
        for engine in self.engines:
            rows += engine.facts(self.steps)
        if not all(engine.p99_is_meant for engine in self.engines):
            rows.append(("p99", f"not told of fewer than {P99_SAMPLES} samples: --samples {P99_SAMPLES}"))
        return rows


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures.

    :raises LackingError: no engine or no checkpoint was given
    """
    engines, checkpoint, own = inputs.engines, inputs.checkpoint, effort.of(Settings)
    if not engines:
        raise LackingError("needs --engine DIR")
    if checkpoint is None:
        raise LackingError("needs --checkpoint FILE.pt")
    return Ready(
        lambda report: compare(
            engines,
            checkpoint,
            effort.threads,
            effort.samples,
            steps=effort.steps,
            rounds=own.rounds,
            report=report,
        ),
        own,
    )


def compare(
    engines: Sequence[AnySubject],
    checkpoint: Path,
    threads: int,
    samples: int | None = None,
    *,
    steps: int | None = None,
    rounds: int = ROUNDS,
    report: Report = lambda _: None,
) -> ChunkResult:
    """Return how ``engines`` compare with ``checkpoint``'s model over ``rounds`` chunks of its, each way.

    All sides use ``threads`` threads and in each round see the same new frame and noise. ``samples``: chunks of each
    engine, as many as take a minute if None; ``steps``: the checkpoint's own if None.

    :raises ngrt.errors.NgrtError: an engine or the checkpoint cannot be loaded, or did not run what it must
    """
    for engine in engines:
        check_origin(Subject.of(engine).folder, checkpoint)
    with ExitStack() as stack:
        ours = [stack.enter_context(Instrumented(engine, threads)) for engine in engines]
        device: Device = "cuda" if any(engine.on_gpu for engine in ours) else "cpu"
        theirs = Baseline(checkpoint, threads, device)
        spec = ours[0].policy.spec
        steps = steps or spec.steps
        for opened in ours:
            ceiling_or_reason(opened, threads)  # measures the peaks, once in each round as well
        race = _Race(theirs, ours, steps, np.random.default_rng(0))
        gc.freeze()  # as in a session
        stack.callback(gc.unfreeze)
        affordable = race.warm_up()
        samples = affordable if samples is None else samples
        for number, share in enumerate(_shares(samples, rounds)):
            race.round(share)
            peaks.measure_again()
            report((number + 1) / rounds)
        return race.result(threads, rounds)


class _Race:
    """Chunks of both sides, taking turns."""

    def __init__(self, theirs: Baseline, ours: Sequence[Instrumented], steps: int, random: np.random.Generator) -> None:
        self.theirs, self.ours, self.steps, self._random = theirs, ours, steps, random
        self.differences: dict[str | int, float] = dict.fromkeys((*PRECISIONS, *range(len(ours))), 0.0)
        self._seconds: dict[str | int, list[float]] = {side: [] for side in (*PRECISIONS, *range(len(ours)))}

    def warm_up(self) -> int:
        """Let every side run, uncounted; return how many chunks of each engine take `SECONDS` together."""
        self.round(2)
        took = sum(self._seconds[number][-1] for number in range(len(self.ours)))
        self.differences = dict.fromkeys(self.differences, 0.0)
        self.theirs.calls.clear()
        for seconds in self._seconds.values():
            seconds.clear()
        for engine in self.ours:
            engine.reset()
        return min(P99_SAMPLES, max(FEWEST, ceil(SECONDS / took)))

    def round(self, chunks: int) -> None:
        """Let the reference make a chunk each way, then the engines ``chunks`` each, in turn."""
        spec = self.ours[0].policy.spec
        frames = [self._random.integers(0, 256, (256, 256, 3), np.uint8)]
        noise = self._random.standard_normal((spec.action_horizon, spec.action_dim), np.float32)
        wanted = self._baseline("fp32", frames, noise)
        self._keep("bf16", self._baseline("bf16", frames, noise), wanted)
        for _ in range(chunks):
            for number, engine in enumerate(self.ours):
                start = time.perf_counter()
                found = engine.predict(frames, noise, self.steps)
                self._seconds[number].append(time.perf_counter() - start)
                self._keep(number, found, wanted)

    def result(self, threads: int, rounds: int) -> ChunkResult:
        """Return what both sides did in ``rounds`` rounds.

        :raises ngrt.errors.EngineError: one of them did not run what it must
        """
        theirs = self.theirs
        calls = checked_calls("the reference's way", theirs.calls, rounds * len(PRECISIONS), expected_calls(self.steps))
        return ChunkResult(
            self.steps,
            threads,
            theirs.device,
            self.baselines(),
            calls,
            self.differences["bf16"],
            baseline_gflop(theirs.model.config, self.steps),
            [self.engine(number, ceiling_or_reason(engine, threads)) for number, engine in enumerate(self.ours)],
        )

    def baselines(self) -> dict[str, Distribution]:
        """Return the reference's times by precision."""
        return {name: Distribution.of(self._seconds[name]) for name in PRECISIONS}

    def engine(self, number: int, found: Ceiling | str) -> EngineChunk:
        """Return what engine ``number`` did.

        :raises ngrt.errors.EngineError: it did not run what it must
        """
        engine, seconds = self.ours[number], Distribution.of(self._seconds[number])
        facts = engine.facts
        graphs: dict[GraphName, Distribution] = {
            name: Distribution.of(times) for name, times in engine.times.items() if times
        }
        medians = {name: times.p50 for name, times in graphs.items()}
        return EngineChunk(
            facts.name,
            facts.precision,
            facts.backend,
            seconds,
            seconds.has_p99,
            graphs.get("observe"),
            graphs.get("denoise"),
            {name: baseline.p50 / seconds.p50 for name, baseline in self.baselines().items()},
            self.differences[number],
            engine.calls_a_chunk(len(seconds.samples), self.steps),
            None if isinstance(found, str) else found.chunk(self.steps, seconds.p50, medians),
            found if isinstance(found, str) else "",
        )

    def _baseline(self, precision: BaselinePrecision, frames: list[Image], noise: Array) -> Array:
        start = time.perf_counter()
        actions = self.theirs.predict(frames, noise, self.steps, precision)
        self._seconds[precision].append(time.perf_counter() - start)
        return actions

    def _keep(self, side: str | int, found: Array, wanted: Array) -> None:
        # numpy's maximum, unlike Python's, keeps what is not a number
        self.differences[side] = float(np.maximum(self.differences[side], np.abs(found - wanted).max()))


def _shares(whole: int, parts: int) -> list[int]:
    """Return ``whole`` as nearly equal whole numbers, one for each of ``parts``."""
    return [whole * (part + 1) // parts - whole * part // parts for part in range(parts)]


def _calls(calls: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {count:g}" for name, count in calls.items())
