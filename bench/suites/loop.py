"""Closed loop: the arcade's score against the delay of its policy, for every way of merging chunks.

The same episodes and the same noise for all, so that differences are paired. Episodes are added until the score's 95%
interval is narrow enough.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.suites.loop_episodes import Episodes, Setting, play
from bench.suites.suite import Effort, Inputs, Ready, Report
from ngrt.control.merging import Merging, Mode, Noise, default_merging
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.policy.bundle import read_manifest
from ngrt.policy.shipped import arcade_engine
from ngrt.processor import usable_cores

FIRST_SEED = 40_000
"""First of the episodes that are reported; defaults were chosen on others, from 30000 on."""

BATCH = 8
"""Episodes played side by side."""

FEWEST, MOST = 24, 64
FEWEST_FAST = 8
"""Episodes of each cell at least and at most; at delays 0 and 1 they vary little and cost most."""

HALF_WIDTH = 0.02
"""What the half-width of each score's 95% interval should come below."""

DELAYS = tuple(range(10))
STEPS = (2, 4, 8, 16)
STEPS_AT = 4
"""The delay at which numbers of denoise steps are compared."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``delays`` in ticks, ``steps_tried`` at one of them, ``first_seed`` of the episodes."""

    delays: tuple[int, ...] = DELAYS
    steps_tried: tuple[int, ...] = STEPS
    first_seed: int = FIRST_SEED


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting and how its episodes went, from ``first_seed`` on."""

    setting: Setting
    episodes: Episodes
    first_seed: int

    @property
    def score(self) -> float:
        """Mean score."""
        return float(np.mean(self.episodes.score))

    @property
    def half_width(self) -> float:
        """Of the score's 95% interval."""
        return half_width(self.episodes.score)

    @property
    def forks(self) -> float:
        """Share of forks cleared."""
        return sum(self.episodes.forks_cleared) / max(1, sum(self.episodes.forks_passed))


@dataclass(frozen=True, slots=True)
class LoopResult:
    """All cells; ``delays`` compares ways of merging, ``by_steps`` numbers of denoise steps with one of them."""

    delays: list[Cell]
    by_steps: list[Cell]
    ceiling: float
    """Score in lockstep, executing as many rows as at a delay of 4."""

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people: a column for each delay."""
        present = sorted({cell.setting.delay for cell in self.delays})
        rows = [("delay in ticks", _columns([f"{delay}" for delay in present]))]
        for title, value in (("score", _score), ("forks cleared", _forks), ("stick at seams", _seam)):
            rows.append((title, ""))
            rows += [
                (f"  {name}", _columns([value(cells[delay]) if delay in cells else "" for delay in present]))
                for name, cells in by_name(self.delays).items()
            ]
        rows.append(("gain over replace", ""))
        rows += [(f"  default, d = {delay}", str(gain)) for delay, gain in self.gains().items()]
        rows += [(f"steps, d = {STEPS_AT}", str(cell.setting.merging)) for cell in self.by_steps[:1]]
        rows += [(f"  {cell.setting.steps}", f"{_score(cell)} ± {cell.half_width:.3f}") for cell in self.by_steps]
        rows.append(("widest interval", f"± {max(cell.half_width for cell in self.delays):.3f}"))
        return rows

    def find(self, merging: Merging, delay: int) -> Cell:
        """Return the cell of ``merging`` at ``delay``."""
        wanted = canonical(Setting(merging, delay, self.delays[0].setting.steps))
        return next(cell for cell in self.delays if canonical(cell.setting) == wanted)

    def gains(self) -> dict[int, "Gain"]:
        """Return what the default gains over `replace` with fresh noise, by delay."""
        present = sorted({cell.setting.delay for cell in self.delays})
        return {
            delay: Gain.between(self.find(default_merging(delay), delay), self.find(Merging("replace"), delay))
            for delay in present
        }


@dataclass(frozen=True, slots=True)
class Gain:
    """A paired difference of scores and the half-width of its 95% interval."""

    mean: float
    half_width: float

    @classmethod
    def between(cls, one: Cell, other: Cell) -> "Gain":
        """Return how much better ``one`` is, over the episodes that both played."""
        shared = min(len(one.episodes.score), len(other.episodes.score))
        differences = np.subtract(one.episodes.score[:shared], other.episodes.score[:shared])
        return cls(float(differences.mean()), half_width(differences.tolist()))

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ± {self.half_width:.3f}"


def modes(steps: int) -> list[Merging]:
    """Return every way of merging that is compared."""
    ways: list[tuple[Mode, float]] = [("lockstep", 1.0), ("replace", 1.0), ("blend", 1.0), ("prefix", 1.0)]
    ways += [("rtc", float(beta)) for beta in (1, 2, 5, steps)]
    noises: tuple[Noise, ...] = ("fresh", "steady")
    return [Merging(mode, noise, beta) for noise in noises for mode, beta in ways]


def prepare(_: Inputs, effort: Effort) -> Ready:
    """Return what measures: the arcade's own engine, for no other plays it."""
    own = effort.of(Settings)
    return Ready(
        lambda report: measure(
            None, own.delays, own.steps_tried, fewest=effort.episodes, first_seed=own.first_seed, report=report
        ),
        own,
    )


def measure(
    engine: Path | None = None,
    delays: Sequence[int] = DELAYS,
    steps_tried: Sequence[int] = STEPS,
    *,
    fewest: int | None = None,
    first_seed: int = FIRST_SEED,
    report: Report = lambda share: None,
) -> LoopResult:
    """Return the scores of the arcade's policy, or of the ``engine`` of another, by delay and merging."""
    folder = engine or arcade_engine()
    steps = read_manifest(folder).policy.steps
    settings = [Setting(merging, delay, steps) for delay in delays for merging in modes(steps)]
    tried = [Setting(default_merging(STEPS_AT), STEPS_AT, count) for count in steps_tried]
    wanted = list(dict.fromkeys(canonical(setting) for setting in [*settings, *tried]))
    found = dict(_run(folder, wanted, fewest, first_seed, report))

    def cell(setting: Setting) -> Cell:
        return Cell(setting, found[canonical(setting)], first_seed)

    lockstep = canonical(Setting(Merging("lockstep"), STEPS_AT, steps))
    ceiling = float(np.mean(found[lockstep].score)) if lockstep in found else 1.0
    return LoopResult([cell(setting) for setting in settings], [cell(setting) for setting in tried], ceiling)


def canonical(setting: Setting) -> Setting:
    """Return the setting that plays the same and is played in its stead: a prefix of no rows is no prefix."""
    merging = setting.merging
    if merging.mode == "prefix" and setting.delay == 0:
        return Setting(Merging("replace", merging.noise), 0, setting.steps)
    return Setting(
        Merging(merging.mode, merging.noise, merging.beta if merging.mode == "rtc" else 1.0),
        setting.delay,
        setting.steps,
    )


def by_name(cells: Sequence[Cell]) -> dict[str, dict[int, Cell]]:
    """Return the cells by the name of their merging, then by delay."""
    named: dict[str, dict[int, Cell]] = {}
    for cell in cells:
        named.setdefault(str(cell.setting.merging), {})[cell.setting.delay] = cell
    return named


def half_width(values: Sequence[float]) -> float:
    """Return the half-width of the 95% interval of the mean of ``values``."""
    return float(1.96 * np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")


def _run(
    folder: Path, settings: Sequence[Setting], fewest: int | None, first_seed: int, report: Report
) -> Iterator[tuple[Setting, Episodes]]:
    """Yield each setting with its episodes, a batch at a time on every core until there are enough."""
    waiting: dict[Future[Episodes], Setting] = {}
    found: dict[Setting, Episodes] = {}
    with ProcessPoolExecutor(usable_cores(), get_context("spawn")) as pool:

        def submit(setting: Setting, done: int) -> None:
            seeds = range(first_seed + done, first_seed + done + BATCH)
            waiting[pool.submit(_batch, folder, setting, seeds)] = setting

        for setting in settings:
            submit(setting, 0)
        finished = 0
        while waiting:
            future = next(as_completed(waiting))
            setting = waiting.pop(future)
            episodes = found[setting] + future.result() if setting in found else future.result()
            found[setting] = episodes
            least = fewest or (FEWEST_FAST if setting.delay < 2 else FEWEST)
            count = len(episodes.score)
            if count < least or (fewest is None and count < MOST and half_width(episodes.score) > HALF_WIDTH):
                submit(setting, count)
                continue
            finished += 1
            report(finished / len(settings))
            yield setting, episodes


@cache
def _policy(folder: Path) -> EnginePolicy:
    return open_policy(folder, threads=1)


def _batch(folder: Path, setting: Setting, seeds: range) -> Episodes:
    return play(_policy(folder), setting, seeds)


def _columns(values: Sequence[str]) -> str:
    return " ".join(f"{value:>5}" for value in values)


def _score(cell: Cell) -> str:
    return f"{cell.score:.3f}"


def _forks(cell: Cell) -> str:
    return f"{cell.forks:.3f}"


def _seam(cell: Cell) -> str:
    return f"{np.mean(cell.episodes.seam):.3f}"
