"""What can be measured, and running all of it that can run with what was given."""

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol, TypeVar

from rich.console import Console

from bench.report.closed_loop_plot import plot
from bench.report.console import render, write_json
from bench.schema.content import content_of
from bench.schema.provenance import Provenance
from bench.subjects.subjects import Played, crossed, unused_backends
from bench.suites import control, loop, memory, overhead, scale, shrink, startup
from bench.suites.fresh_process import STATUS
from ngrt.errors import MissingExtraError, NgrtError, SettingsError
from ngrt.policy.bundle import AskedBackend, read_manifest
from ngrt.policy.shipped import arcade_engine

T = TypeVar("T")
FORMATS = (".png", ".svg")
Progress = Callable[[str, float], None]
"""Told of each suite before it starts, and of the share of the suites that is done."""


class Result(Protocol):
    """What a suite measured: a frozen dataclass of distributions, counts and settings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    ``threads`` of the engines; ``samples`` of each chunk, as many as fit a suite's time if None; ``steps`` of chunk and
    stages, the policy's own if None; ``rounds`` of the reference; ``seconds`` of the pipeline, ``ticks``; ``starts`` of
    processes; ``exporting`` small policies to vary what a bundle fixes; ``control_seconds`` of each loop; ``delays``,
    ``steps_tried``, ``episodes`` (None: as many as it takes) and ``first_seed`` of the closed loop; ``flips`` of the
    screen at each of ``rates``.
    """

    threads: int = os.cpu_count() or 1
    samples: int | None = None
    steps: int | None = None
    rounds: int = 7
    seconds: float = overhead.SECONDS
    ticks: int = overhead.TICKS
    starts: int = startup.STARTS
    exporting: bool = True
    control_seconds: float = control.SECONDS
    delays: tuple[int, ...] = loop.DELAYS
    steps_tried: tuple[int, ...] = loop.STEPS
    episodes: int | None = None
    first_seed: int = loop.FIRST_SEED
    flips: int = 700
    rates: tuple[int, ...] = (60, 120, 240)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is measured: engine bundles with what is to run them, and the checkpoint they were made from.

    ``display``: the X11 display to flash on; a server is started for it if None.
    """

    engines: tuple[Played, ...]
    checkpoint: Path | None
    display: str | None = None

    @property
    def any_engines(self) -> tuple[Played, ...]:
        """The engines, the arcade's if none was given."""
        return self.engines or (Played(arcade_engine()),)


class LackingError(Exception):
    """A suite cannot run with what was given; the text says what it needs."""


Report = Callable[[float], None]
"""Told the share of one suite that is done."""

Measure = Callable[[Report], Result]


def _overhead(_: Inputs, effort: Effort) -> Measure:
    return lambda _: overhead.measure(effort.seconds, effort.ticks)


def _shrink(_: Inputs, effort: Effort) -> Measure:
    return lambda report: shrink.measure(samples=effort.samples, report=report)


def _chunk(inputs: Inputs, effort: Effort) -> Measure:
    compare = _late("bench.suites.chunk").compare
    if not inputs.engines:
        raise LackingError("needs --engine DIR")
    checkpoint = _need(inputs.checkpoint, "--checkpoint FILE.pt")
    return lambda report: compare(
        inputs.engines,
        checkpoint,
        effort.threads,
        effort.samples,
        steps=effort.steps,
        rounds=effort.rounds,
        report=report,
    )


def _stages(inputs: Inputs, effort: Effort) -> Measure:
    stages = _late("bench.suites.stages")
    return lambda _: stages.measure(inputs.any_engines, effort.threads, effort.samples, effort.steps)


def _sweep(inputs: Inputs, effort: Effort) -> Measure:
    sweep = _late("bench.suites.sweep")
    precisions = {read_manifest(engine.folder).precision for engine in inputs.any_engines}
    if inputs.checkpoint is None and "fp32" not in precisions:
        raise LackingError("needs an engine in fp32, or --checkpoint FILE.pt, to compare with")
    return lambda report: sweep.measure(
        inputs.any_engines, inputs.checkpoint, effort.threads, effort.samples, report=report
    )


def _startup(inputs: Inputs, effort: Effort) -> Measure:
    return lambda _: startup.measure(inputs.any_engines, effort.threads, effort.starts)


def _memory(inputs: Inputs, effort: Effort) -> Measure:
    if not STATUS.is_file():
        raise LackingError(f"needs {STATUS}, which this system has not")
    return lambda _: memory.measure(inputs.any_engines, effort.threads, min(effort.starts, memory.PROCESSES))


def _scale(inputs: Inputs, effort: Effort) -> Measure:
    return lambda report: scale.measure(
        inputs.any_engines, effort.threads, effort.samples, exporting=effort.exporting, report=report
    )


def _control(inputs: Inputs, effort: Effort) -> Measure:
    return lambda _: control.measure(inputs.any_engines[0], effort.control_seconds)


def _photon(inputs: Inputs, effort: Effort) -> Measure:
    if find_spec("Xlib") is None:  # installed on Linux only
        raise LackingError("needs X11, which ngrt has on Linux")
    photon, server = _late("bench.suites.photon.measure"), _late("bench.suites.photon.xvfb")
    if inputs.display is None and not server.installed():
        raise LackingError("needs Xvfb (apt-get install xvfb), or --display")
    return lambda report: photon.measure(inputs.display, effort.rates, effort.flips, report)


def _loop(inputs: Inputs, effort: Effort) -> Measure:
    return lambda report: loop.measure(
        None, effort.delays, effort.steps_tried, fewest=effort.episodes, first_seed=effort.first_seed, report=report
    )


SUITES: dict[str, tuple[str, Callable[[Inputs, Effort], Measure]]] = {
    "overhead": ("what is not the model, between frame and pad", _overhead),
    "shrink": ("a frame to 256 x 256, ngrt and OpenCV alternating", _shrink),
    "chunk": ("one chunk, engines and reference alternating", _chunk),
    "stages": ("where the time of a chunk goes", _stages),
    "sweep": ("time and accuracy by denoise steps", _sweep),
    "startup": ("from a fresh process to the first action", _startup),
    "memory": ("resident in a fresh process", _memory),
    "scale": ("how a chunk's time grows", _scale),
    "control": ("how late ticks are, beside a naive loop's", _control),
    "photon": ("from a picture on the screen to a key in the game, without the model", _photon),
    "loop": ("the arcade's score by delay and merging", _loop),
}
"""Each suite's title, and what prepares it or raises `LackingError`."""

LONG = {
    "control": "takes four minutes; ask for it by name",
    "photon": "takes three minutes; ask for it by name",
    "loop": "takes most of an hour; ask for it by name",
}
"""Suites that run only when they are named, and why."""

ENGINES = {"chunk", "stages", "sweep", "startup", "memory", "scale", "control"}
"""Suites that measure engines."""


def run_suites(  # noqa: PLR0913  (one argument for each option)
    names: Sequence[str],
    engines: Sequence[Path],
    checkpoint: Path | None,
    json_file: Path | None,
    console: Console,
    *,
    backends: Sequence[AskedBackend] = (),
    plot_file: Path | None = None,
    display: str | None = None,
    effort: Effort | None = None,
    progress: Progress = lambda _suite, _share: None,
) -> dict[str, object]:
    """Run the suites called ``names``, or all that can run if there are none, and print what they found to ``console``.

    Return what a result file holds.

    ``backends``: each engine is measured on those of them that take it, on what suits this machine if there are none.
    ``json_file``: written with the raw samples as well; ``-`` prints that instead of the tables. ``plot_file``: the
    closed loop's scores drawn, PNG or SVG. ``display``: where the screen is flashed, a server of its own if None.

    :raises ngrt.errors.SettingsError: a suite that was named is unknown or lacks an input; the file cannot be written
    :raises ngrt.errors.NgrtError: an engine or the checkpoint cannot be used
    """
    effort = effort or Effort()
    _check_files(json_file, plot_file, names)  # told now, not after minutes of measuring
    folders = engines or ([arcade_engine()] if backends else [])
    given, left = crossed(folders, backends)
    if folders and not given:
        raise SettingsError(f"--backend {', '.join(backends)}: no engine here runs on it", remedy="leave it out")
    inputs = Inputs(given, checkpoint, display)
    wanted = names or [name for name in SUITES if name not in LONG]
    effort = effort if names else replace(effort, exporting=False)
    ready, not_run = _prepared(wanted, inputs, effort)
    if names and not_run:
        name, reason = next(iter(not_run.items()))
        raise SettingsError(f"suite {name} {reason}", remedy="give it or leave the suite out")
    not_run |= left if names else left | LONG
    provenance = Provenance.here()
    measured = inputs.any_engines if ENGINES.intersection(ready) else ()
    facts = [_engine_facts(folder) for folder in dict.fromkeys(engine.folder for engine in measured)]
    results, failed = _measured(ready, progress, named=bool(names))
    not_run |= failed
    if measured:
        not_run |= unused_backends(results.values())
    if json_file != Path("-"):
        titled = {f"{name}: {SUITES[name][0]}": result.facts() for name, result in results.items()}
        console.print(render(provenance, titled, not_run))
    suites = {name: asdict(result) for name, result in results.items()}
    content = content_of(provenance, asdict(effort), facts, suites, not_run)
    if json_file is not None:
        write_json(content, json_file, console)
    if plot_file is not None and isinstance(closed := results.get("loop"), loop.LoopResult):
        plot(closed, plot_file)
    return content


def _measured(
    ready: Mapping[str, Measure], progress: Progress, *, named: bool
) -> tuple[dict[str, Result], dict[str, str]]:
    """Run what is ``ready``; return what was found, and why what nobody named could not be run to its end."""
    results: dict[str, Result] = {}
    failed: dict[str, str] = {}
    for number, (name, measure) in enumerate(ready.items()):
        progress(name, number / len(ready))

        def report(share: float, name: str = name, number: int = number) -> None:
            progress(name, (number + share) / len(ready))

        try:
            results[name] = measure(report)
        except NgrtError as error:
            if named:
                raise
            failed[name] = str(error)  # the others are worth having
    progress("done", 1.0)
    return results, failed


def _check_files(json_file: Path | None, plot_file: Path | None, names: Sequence[str]) -> None:
    """Check that what is to be written can be.

    :raises SettingsError: it cannot
    """
    for option, file in (("--json", json_file), ("--plot", plot_file)):
        if file is not None and not file.parent.is_dir():
            raise SettingsError(f"{file.parent} is not a folder", remedy=f"make it or choose another {option}")
    if plot_file is None:
        return
    if "loop" not in names:
        raise SettingsError(
            "--plot draws what the suite loop measures", remedy="name it: ngrt bench loop --plot FILE.png"
        )
    if plot_file.suffix not in FORMATS:
        raise SettingsError(f"--plot {plot_file}: the name must end in {' or '.join(FORMATS)}")
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "bench")


def _prepared(names: Sequence[str], inputs: Inputs, effort: Effort) -> tuple[dict[str, Measure], dict[str, str]]:
    """Return what measures each suite, and why the others cannot run."""
    ready: dict[str, Measure] = {}
    not_run: dict[str, str] = {}
    for name in names:
        if name not in SUITES:
            raise SettingsError(f"no suite is called {name!r}", remedy=f"choose from: {', '.join(SUITES)}")
        try:
            ready[name] = SUITES[name][1](inputs, effort)
        except LackingError as error:
            not_run[name] = str(error)
    return ready, not_run


def _late(module: str) -> ModuleType:
    """Import a suite that needs more than what plays: graphs are counted with onnx, the reference is torch."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LackingError(f"needs {error.name}: pip install 'ngrt[export]'") from error


def _need(value: T | None, what: str) -> T:
    if value is None:
        raise LackingError(f"needs {what}")
    return value


def _engine_facts(engine: Path) -> dict[str, object]:
    manifest = read_manifest(engine)
    return {
        "name": manifest.name,
        "precision": manifest.precision,
        "target": manifest.target,
        "parameters": manifest.checkpoint.parameters,
        "checkpoint_sha256": manifest.checkpoint.sha256,
    }
