"""What can be measured, and running all of it that can run with what was given."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from rich.console import Console

from bench import load, overhead
from bench.report import render, write_json
from bench.result import Provenance
from ngrt.bundle import read_manifest
from ngrt.errors import SettingsError

T = TypeVar("T")
Progress = Callable[[str, float], None]
"""Told of each suite before it starts, and of the share of the suites that is done."""


class Result(Protocol):
    """What a suite measured: a frozen dataclass of distributions, counts and settings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: ``threads`` of the engine, ``seconds`` of the pipeline, ``ticks``, ``pairs``, ``loads``."""

    threads: int = os.cpu_count() or 1
    seconds: float = overhead.SECONDS
    ticks: int = overhead.TICKS
    pairs: int = 7
    loads: int = load.LOADS


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is measured: an engine bundle, and the checkpoint it was made from."""

    engine: Path | None
    checkpoint: Path | None


class LackingError(Exception):
    """A suite cannot run with what was given; the text says what it needs."""


Measure = Callable[[], Result]


def _overhead(_: Inputs, effort: Effort) -> Measure:
    return partial(overhead.measure, effort.seconds, effort.ticks)


def _chunk(inputs: Inputs, effort: Effort) -> Measure:
    engine, checkpoint = _need(inputs.engine, "--engine DIR"), _need(inputs.checkpoint, "--checkpoint FILE.pt")
    try:
        from bench.chunk import compare
    except ModuleNotFoundError as error:
        raise LackingError(f"needs {error.name}: pip install 'ngrt[export]'") from error
    return partial(compare, engine, checkpoint, effort.threads, effort.pairs)


def _load(inputs: Inputs, effort: Effort) -> Measure:
    return partial(load.measure, _need(inputs.engine, "--engine DIR"), effort.threads, effort.loads)


SUITES: dict[str, tuple[str, Callable[[Inputs, Effort], Measure]]] = {
    "overhead": ("what is not the model, between frame and pad", _overhead),
    "chunk": ("one chunk, engine and reference alternating", _chunk),
    "load": ("from a fresh process to the first chunk", _load),
}
"""Each suite's title, and what prepares it or raises `LackingError`."""


def run_suites(
    names: Sequence[str],
    engine: Path | None,
    checkpoint: Path | None,
    json_file: Path | None,
    console: Console,
    *,
    effort: Effort | None = None,
    progress: Progress = lambda _suite, _share: None,
) -> None:
    """Run the suites called ``names``, or all that can run if there are none, and print what they found to ``console``.

    ``json_file``: written with the raw samples as well; ``-`` prints that instead of the tables.

    :raises ngrt.errors.SettingsError: a suite that was named is unknown or lacks an input; the file cannot be written
    :raises ngrt.errors.NgrtError: engine or checkpoint cannot be used
    """
    effort = effort or Effort()
    if json_file is not None and not json_file.parent.is_dir():  # told now, not after minutes of measuring
        raise SettingsError(f"{json_file.parent} is not a folder; make it or choose another --json")
    ready, not_run = _prepared(names or tuple(SUITES), Inputs(engine, checkpoint), effort)
    if names and not_run:
        name, reason = next(iter(not_run.items()))
        raise SettingsError(f"suite {name} {reason}; give it or leave the suite out")
    provenance, facts = Provenance.here(), _engine_facts(engine)
    results: dict[str, Result] = {}
    for number, (name, measure) in enumerate(ready.items()):
        progress(name, number / len(ready))
        results[name] = measure()
    progress("done", 1.0)
    content = {
        "provenance": asdict(provenance),
        "settings": asdict(effort),
        "engine": facts,
        "suites": {name: asdict(result) for name, result in results.items()},
        "not_run": not_run,
    }
    if json_file != Path("-"):
        titled = {f"{name}: {SUITES[name][0]}": result.facts() for name, result in results.items()}
        console.print(render(provenance, titled, not_run))
    if json_file is not None:
        write_json(content, json_file, console)


def _prepared(names: Sequence[str], inputs: Inputs, effort: Effort) -> tuple[dict[str, Measure], dict[str, str]]:
    """Return what measures each suite, and why the others cannot run."""
    ready: dict[str, Measure] = {}
    not_run: dict[str, str] = {}
    for name in names:
        if name not in SUITES:
            raise SettingsError(f"no suite is called {name!r}; choose from: {', '.join(SUITES)}")
        try:
            ready[name] = SUITES[name][1](inputs, effort)
        except LackingError as error:
            not_run[name] = str(error)
    return ready, not_run


def _need(value: T | None, what: str) -> T:
    if value is None:
        raise LackingError(f"needs {what}")
    return value


def _engine_facts(engine: Path | None) -> dict[str, object] | None:
    if engine is None:
        return None
    manifest = read_manifest(engine)
    return {
        "name": manifest.name,
        "precision": manifest.precision,
        "target": manifest.target,
        "parameters": manifest.checkpoint.parameters,
        "checkpoint_sha256": manifest.checkpoint.sha256,
    }
