"""Running the suites that are wanted, or all that can run with what was given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from bench.report.outputs import Outputs
from bench.schema.content import content_of
from bench.schema.provenance import Provenance
from bench.subjects.subjects import Subject, subjects_of, unused_backends
from bench.suites.registry import BY_DEFAULT, LONG, SUITES
from bench.suites.suite import Effort, Inputs, LackingError, Ready, Result
from ngrt.ending import at_once
from ngrt.errors import NgrtError, SettingsError
from ngrt.policy.bundle import AskedBackend, read_manifest
from ngrt.policy.shipped import arcade_engine

Progress = Callable[[str, float], None]
"""Told of each suite before it starts, and of the share of the suites that is done."""


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
    outputs = Outputs(console, json_file, plot_file)
    outputs.check(names)  # told now, not after minutes of measuring
    subjects, not_run = _subjects(engines, backends)
    inputs, effort = Inputs(subjects, checkpoint, display), replace(effort or Effort(), named=bool(names))
    ready, lacking = _prepared(names or BY_DEFAULT, inputs, effort)
    not_run = lacking | not_run | ({} if names else LONG)
    provenance = Provenance.here()
    engine_facts = _engine_facts(ready, inputs)
    results: dict[str, Result] = {}

    def concluded(unmeasured: Mapping[str, str]) -> dict[str, object]:
        """Print and write what was found; return it as a result file has it."""
        outputs.print_tables(provenance, results, unmeasured)
        suites = {name: asdict(result) for name, result in results.items()}
        content = content_of(provenance, _settings(ready, effort), engine_facts, suites, unmeasured)
        outputs.write(content, results)
        return content

    with _kept(results, partial(concluded, not_run)):
        not_run |= _measured(ready, results, progress, named=bool(names))
    if engine_facts:
        not_run |= unused_backends(results.values())
    return concluded(not_run)


@contextmanager
def _kept(results: Mapping[str, Result], conclude: Callable[[], object]) -> Iterator[None]:
    """Conclude with the ``results`` that there are if what comes next fails, or is interrupted: they took minutes."""

    def save() -> None:
        if results:
            conclude()

    try:
        with at_once(save):
            yield
    except BaseException:
        with suppress(NgrtError):  # the first failure says more
            save()
        raise


def _subjects(engines: Sequence[Path], backends: Sequence[AskedBackend]) -> tuple[tuple[Subject, ...], dict[str, str]]:
    """Return the engines that were given, on every backend that was and takes them; and why not on the others.

    :raises SettingsError: none runs on any of them
    """
    folders = engines or ([arcade_engine()] if backends else [])
    subjects, not_run = subjects_of(folders, backends)
    if folders and not subjects:
        raise SettingsError(f"--backend {', '.join(backends)}: no engine here runs on it", remedy="leave it out")
    return subjects, not_run


def _prepared(names: Sequence[str], inputs: Inputs, effort: Effort) -> tuple[dict[str, Ready], dict[str, str]]:
    """Return the suites that can run, and why the others cannot.

    :raises SettingsError: a suite is unknown, or was named and cannot run
    """
    ready: dict[str, Ready] = {}
    lacking: dict[str, str] = {}
    for name in names:
        if name not in SUITES:
            raise SettingsError(f"no suite is called {name!r}", remedy=f"choose from: {', '.join(SUITES)}")
        try:
            ready[name] = SUITES[name].prepare(inputs, effort)
        except LackingError as error:
            lacking[name] = str(error)
    if effort.named and lacking:
        name, reason = next(iter(lacking.items()))
        raise SettingsError(f"suite {name} {reason}", remedy="see to that, or leave the suite out")
    return ready, lacking


def _measured(
    ready: Mapping[str, Ready], results: dict[str, Result], progress: Progress, *, named: bool
) -> dict[str, str]:
    """Run what is ``ready``, put what is found into ``results``; return why what nobody named failed."""
    failed: dict[str, str] = {}
    for number, (name, suite) in enumerate(ready.items()):
        progress(name, number / len(ready))

        def report(share: float, name: str = name, number: int = number) -> None:
            progress(name, (number + share) / len(ready))

        try:
            results[name] = suite.measure(report)
        except NgrtError as error:
            if named:
                raise
            failed[name] = str(error)  # the others are worth having
    progress("done", 1.0)
    return failed


def _settings(ready: Mapping[str, Ready], effort: Effort) -> dict[str, object]:
    """Return what all suites have in common, and what those that were run have of their own."""
    own = [asdict(suite.settings) for suite in ready.values() if suite.settings is not None]
    return effort.settings | {name: value for settings in own for name, value in settings.items()}


def _engine_facts(ready: Mapping[str, Ready], inputs: Inputs) -> list[dict[str, object]]:
    """Return what tells the engines apart that are measured, none if no suite measures any."""
    if not any(SUITES[name].measures_engines for name in ready):
        return []
    return [_facts_of(folder) for folder in dict.fromkeys(engine.folder for engine in inputs.any_engines)]


def _facts_of(engine: Path) -> dict[str, object]:
    manifest = read_manifest(engine)
    return {
        "name": manifest.name,
        "precision": manifest.precision,
        "target": manifest.target,
        "parameters": manifest.checkpoint.parameters,
        "checkpoint_sha256": manifest.checkpoint.sha256,
    }
