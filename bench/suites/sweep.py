"""Time and accuracy of every engine at every number of denoise steps, beside the reference's own precision and steps.

Same frames and noise for all. The frames are blocks of random colours, so what an engine loses on a game's pictures
is the export gate's to say.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.limits import peaks
from bench.limits.roofline import Ceiling, ceiling_or_reason
from bench.schema.distribution import Distribution
from bench.subjects.instrumented import Instrumented, title_of
from bench.subjects.subjects import AnySubject, check_origin
from bench.suites.suite import Effort, Inputs, LackingError, Ready, Report
from ngrt.errors import CheckpointError
from ngrt.messages import Array, Chunk, Image
from ngrt.policy.actions import decode
from ngrt.policy.bundle import Backend, read_manifest

STEPS = (1, 2, 4, 8, 16)
FRAMES = 4
LEAST_REPEATS = 2
SECONDS = 1.0
"""What the chunks of an engine with one number of steps take at least, warm-up left out."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far chunks are from the reference's.

    ``largest`` and ``mean`` absolute difference of the actions as the model gives them; ``stick_error``: mean absolute
    error of the sticks, -1 to 1; ``buttons_agree``: share of them.
    """

    largest: float
    mean: float
    stick_error: float
    buttons_agree: float

    @classmethod
    def between(cls, found: Sequence[Chunk], wanted: Sequence[Chunk]) -> "Accuracy":
        """Return how far chunks ``found`` are from those ``wanted``."""
        pairs = list(zip(found, wanted, strict=True))
        apart = np.array([np.abs(one.actions - other.actions) for one, other in pairs])
        sticks = [
            np.abs(getattr(one, stick) - getattr(other, stick))
            for one, other in pairs
            for stick in ("j_left", "j_right")
        ]
        buttons = [one.buttons == other.buttons for one, other in pairs]
        return cls(float(apart.max()), float(apart.mean()), float(np.mean(sticks)), float(np.mean(buttons)))


@dataclass(frozen=True, slots=True)
class Cell(Accuracy):
    """An engine with a number of steps; ``limit_seconds`` the hardware's, None where it is not known."""

    name: str
    precision: str
    backend: Backend
    steps: int
    seconds: Distribution
    limit_seconds: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Every cell; accuracy is against ``reference`` with ``reference_steps`` steps, on ``frames`` frames."""

    threads: int
    reference: str
    reference_steps: int
    frames: int
    cells: list[Cell]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        rows = [("", f"{self.threads} threads; errors against {self.reference}, {self.reference_steps} steps")]
        title = ""
        for cell in self.cells:
            if (now := title_of(cell.name, cell.precision, cell.backend)) != title:
                title = now
                rows.append((title, f"{'ms':>7} {'p90':>7} {'limit':>6} {'sticks':>7} {'most':>7} {'buttons':>8}"))
            share = "-" if cell.share is None else f"{cell.share:.0%}"
            rows.append((
                f"  {cell.steps} step{'s' if cell.steps > 1 else ''}",
                f"{cell.seconds.p50 * 1e3:7.4g} {cell.seconds.p90 * 1e3:7.4g} {share:>6} "
                f"{cell.stick_error:7.1e} {cell.largest:7.1e} {cell.buttons_agree:8.2%}",
            ))  # fmt: skip
        return rows


class Side(Protocol):
    """What predicts: an engine, or the torch model."""

    def predict(self, frames: Sequence[Image], noise: Array, steps: int) -> Array:
        """Return the actions (H, A)."""


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures.

    :raises LackingError: there is nothing to compare with
    """
    engines, checkpoint = inputs.any_engines, inputs.checkpoint
    if checkpoint is None and "fp32" not in {read_manifest(engine.folder).precision for engine in engines}:
        raise LackingError("needs an engine in fp32, or --checkpoint FILE.pt, to compare with")
    return Ready(lambda report: measure(engines, checkpoint, effort.threads, effort.samples, report=report))


def measure(
    engines: Sequence[AnySubject],
    checkpoint: Path | None,
    threads: int,
    samples: int | None = None,
    *,
    steps: Sequence[int] = STEPS,
    report: Report = lambda _: None,
) -> SweepResult:
    """Return time and accuracy of ``engines`` with each number of ``steps``, the engines taking turns.

    The reference is the first engine in fp32, else the torch model of ``checkpoint``. ``samples``: chunks of each cell.

    :raises CheckpointError: the engines are of different checkpoints, or there is nothing to compare them with
    :raises ngrt.errors.NgrtError: an engine cannot be loaded, or did not run what it must
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(Instrumented(given, threads)) for given in engines]
        _check_alike(opened)
        spec = opened[0].policy.spec
        name, reference = _reference(opened, checkpoint, threads)
        random = np.random.default_rng(0)
        scenes = [_scene(random, (spec.action_horizon, spec.action_dim)) for _ in range(FRAMES)]
        wanted = [_decoded(reference, scene, spec.steps, spec.old_layout) for scene in scenes]
        for engine in opened:
            ceiling_or_reason(engine, threads)  # measures the peaks, once for each number of steps as well
        cells: list[list[Cell]] = [[] for _ in opened]
        for number, count in enumerate(steps):
            taken = _times(opened, scenes, count, samples)
            peaks.measure_again()
            for engine, times, own in zip(opened, taken, cells, strict=True):
                found = [_decoded(engine, scene, count, spec.old_layout) for scene in scenes]
                own.append(
                    _cell(engine, count, times, ceiling_or_reason(engine, threads), Accuracy.between(found, wanted))
                )
            report((number + 1) / len(steps))
        ordered = [cell for own in cells for cell in own]
        return SweepResult(threads, name, spec.steps, len(scenes), ordered)


Scene = tuple[list[Image], Array]


def _scene(random: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Return a frame of random colours in blocks, and noise."""
    blocks = random.integers(0, 256, (16, 16, 3), np.uint8)
    return [blocks.repeat(16, 0).repeat(16, 1)], random.standard_normal(shape, np.float32)


def _cell(engine: Instrumented, steps: int, times: list[float], limit: Ceiling | str, accuracy: Accuracy) -> Cell:
    seconds, facts = Distribution.of(times), engine.facts
    roof = None if isinstance(limit, str) else limit.chunk(steps, seconds.p50, {})
    return Cell(
        **asdict(accuracy),
        name=facts.name,
        precision=facts.precision,
        backend=facts.backend,
        steps=steps,
        seconds=seconds,
        limit_seconds=roof.limit_seconds if roof else None,
        share=roof.share if roof else None,
    )


def _decoded(side: Side, scene: Scene, steps: int, old_layout: bool) -> Chunk:
    return decode(side.predict(*scene, steps), old_layout=old_layout)


def _times(
    engines: Sequence[Instrumented], scenes: Sequence[Scene], steps: int, samples: int | None
) -> list[list[float]]:
    """Return seconds of each engine's chunks, taking turns, after one that is not counted."""
    for engine in engines:
        engine.predict(*scenes[0], steps)
        engine.reset()
    times: list[list[float]] = [[] for _ in engines]
    while len(times[0]) < (samples or LEAST_REPEATS * len(scenes)) or (
        samples is None and sum(map(sum, times)) < SECONDS * len(engines)
    ):
        scene = scenes[len(times[0]) % len(scenes)]
        for engine, own in zip(engines, times, strict=True):
            start = time.perf_counter()
            engine.predict(*scene, steps)
            own.append(time.perf_counter() - start)
    for engine in engines:
        engine.calls_a_chunk(len(times[0]), steps)
    return times


def _reference(engines: Sequence[Instrumented], checkpoint: Path | None, threads: int) -> tuple[str, Side]:
    exact = next((engine for engine in engines if engine.manifest.precision == "fp32"), None)
    if exact is not None:
        facts = exact.facts
        return title_of(facts.name, facts.precision, facts.backend), exact
    if checkpoint is None:
        raise CheckpointError(
            "no engine given is fp32", remedy="give one, or --checkpoint FILE.pt, to compare the others with"
        )
    from bench.subjects.reference import Baseline  # late: only this needs torch

    check_origin(engines[0].folder, checkpoint)
    return "the checkpoint in torch, fp32", Baseline(checkpoint, threads)


def _check_alike(engines: Sequence[Instrumented]) -> None:
    first, *others = (engine.manifest.checkpoint.sha256 for engine in engines)
    for engine, other in zip(engines[1:], others, strict=True):
        if other != first:
            raise CheckpointError(
                f"{engine.folder} was made from checkpoint {other[:12]}…, {engines[0].folder} from {first[:12]}…",
                remedy="sweep engines of one checkpoint",
            )
