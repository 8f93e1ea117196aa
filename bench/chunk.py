"""How long a chunk takes: the engine against the reference's way of running the same policy, alternating."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.baseline import Baseline
from bench.result import Distribution
from bench.work import Product, Work, count
from ngrt.backends.engine import Feed, HostEngine
from ngrt.backends.opening import open_policy
from ngrt.bundle import GraphName, read_manifest, sha256_of
from ngrt.errors import CheckpointError
from ngrt.messages import Array

PAIRS = 7


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """Seconds a chunk, from a 256 x 256 frame to its actions, warm; the first pair is not counted.

    ``ratio`` of the medians; ``difference``: the largest between the two sides' actions; ``*_calls``: how often each
    part ran in one chunk; ``observe`` and ``denoise``: seconds of each run of the engine's graphs; ``share`` of the
    rate of a lone product that the engine reaches; ``possible``: the ratio at that very rate.
    """

    steps: int
    threads: int
    baseline: Distribution
    engine: Distribution
    observe: Distribution
    denoise: Distribution
    ratio: float
    difference: float
    baseline_calls: dict[str, float]
    engine_calls: dict[str, float]
    work: Work
    share: float
    possible: float

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        work = self.work
        return [
            ("reference's way, torch fp32", self.baseline.line("s")),
            ("engine", self.engine.line("s")),
            ("  observe, once a chunk", self.observe.line("ms")),
            (f"  denoise, {self.steps} times a chunk", self.denoise.line("ms")),
            ("times faster", f"{self.ratio:.2f} (medians, {self.threads} threads)"),
            ("arithmetic", f"{work.baseline_gflop:.3g} GFLOP the reference's way, {work.engine_gflop:.3g} here"),
            ("a product alone", f"{work.product_rate:.0f} GFLOP/s; the engine reaches {self.share:.0%} of that"),
            ("times faster at that rate", f"{self.possible:.2f}: about the most for {self.threads} threads here"),
            ("actions differ by", f"{self.difference:.1e} at most"),
            ("calls a chunk, reference's", _calls(self.baseline_calls)),
            ("calls a chunk, engine", _calls(self.engine_calls)),
        ]


class Engine:
    """A bundle's policy, the runs of its graphs counted and timed."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.policy = open_policy(folder, threads=threads)
        self.times: dict[GraphName, list[float]] = {"schedule": [], "observe": [], "denoise": []}
        self._watch()

    def _watch(self) -> None:
        """Time every run of a graph from now on."""
        engine = self.policy.engine
        if not isinstance(engine, HostEngine):
            return  # nothing happens between its graphs that could be timed
        run = engine.run

        def timed(graph: GraphName, feed: Feed) -> dict[str, Any]:
            start = time.perf_counter()
            outputs: dict[str, Any] = run(graph, feed)
            self.times[graph].append(time.perf_counter() - start)
            return outputs

        setattr(engine, "run", timed)  # noqa: B010  (mypy refuses to assign to a method)

    @property
    def calls(self) -> Counter[str]:
        """How often each graph ran."""
        return Counter({name: len(times) for name, times in self.times.items()})

    def predict(self, frames: Sequence[Any], noise: Array, steps: int) -> Array:
        """Return the actions (H, A) that the engine predicts."""
        return self.policy.predict(frames, noise, steps).actions


def compare(engine: Path, checkpoint: Path, threads: int, pairs: int = PAIRS, steps: int | None = None) -> ChunkResult:
    """Return how ``engine`` compares with ``checkpoint``'s model over ``pairs`` alternating pairs of chunks.

    Both sides use ``threads`` threads and see the same frame and noise. ``steps``: the checkpoint's own if None.

    :raises ngrt.errors.NgrtError: engine or checkpoint cannot be loaded
    """
    stated, actual = read_manifest(engine).checkpoint.sha256, sha256_of(checkpoint)
    if stated != actual:
        raise CheckpointError(
            f"{checkpoint} has SHA-256 {actual[:12]}…; {engine} was made from {stated[:12]}…: give that checkpoint"
        )
    ours, theirs = Engine(engine, threads), Baseline(checkpoint, threads)
    spec = ours.policy.spec
    steps = steps or spec.steps
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (256, 256, 3), np.uint8)
    noise = random.standard_normal((spec.action_horizon, spec.action_dim), np.float32)
    product = Product(theirs.model.config, threads)
    seconds: dict[str, list[float]] = {"baseline": [], "engine": [], "product": []}
    difference = 0.0
    for pair in range(pairs + 1):
        if pair == 1:  # the first pair was the warm-up
            theirs.calls.clear()
            for times in (*seconds.values(), *ours.times.values()):
                times.clear()
        wanted = _timed(theirs, frame, noise, steps, seconds["baseline"])
        found = _timed(ours, frame, noise, steps, seconds["engine"])
        seconds["product"] += product.measure()
        difference = max(difference, float(np.abs(found - wanted).max()))
    baseline_gflop, engine_gflop = count(theirs.model.config, steps)
    work = Work(
        baseline_gflop=baseline_gflop,
        engine_gflop=engine_gflop,
        product_gflop=product.gflop,
        product=Distribution.of(seconds["product"]),
    )
    baseline, measured = Distribution.of(seconds["baseline"]), Distribution.of(seconds["engine"])
    return ChunkResult(
        steps=steps,
        threads=threads,
        baseline=baseline,
        engine=measured,
        observe=Distribution.of(ours.times["observe"]),
        denoise=Distribution.of(ours.times["denoise"]),
        ratio=baseline.p50 / measured.p50,
        difference=difference,
        baseline_calls=_per_chunk(theirs.calls, pairs),
        engine_calls=_per_chunk(ours.calls, pairs),
        work=work,
        share=work.share(measured.p50),
        possible=work.possible(baseline.p50),
    )


def _timed(side: Baseline | Engine, frame: Any, noise: Array, steps: int, seconds: list[float]) -> Array:
    start = time.perf_counter()
    actions = side.predict([frame], noise, steps)
    seconds.append(time.perf_counter() - start)
    return actions


def _per_chunk(calls: Counter[str], chunks: int) -> dict[str, float]:
    return {name: count / chunks for name, count in calls.items()}


def _calls(calls: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {count:g}" for name, count in calls.items())
