"""Where the results of a run go: tables, a JSON file, a plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from bench.report.closed_loop_plot import plot
from bench.report.console import render, write_json
from bench.schema.provenance import Provenance
from bench.suites.loop import LoopResult
from bench.suites.registry import SUITES
from bench.suites.suite import Result
from ngrt.errors import MissingExtraError, SettingsError
from ngrt.files import check_target

FORMATS = (".png", ".svg")
STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Tables go to ``console``, all that was found to ``json_file``, the closed loop's scores to ``plot_file``.

    A ``json_file`` called ``-`` is printed instead of the tables.
    """

    console: Console
    json_file: Path | None = None
    plot_file: Path | None = None

    def check(self, names: Sequence[str]) -> None:
        """Check that what the suites called ``names`` leave can be written.

        :raises SettingsError: it cannot
        :raises MissingExtraError: matplotlib is not installed
        """
        for option, file in (("--json", self.json_file), ("--plot", self.plot_file)):
            if file is not None and file != STDOUT:
                check_target(file, option)
        if self.plot_file is None:
            return
        if "loop" not in names:
            raise SettingsError(
                "--plot draws what the suite loop measures", remedy="name it: ngrt bench loop --plot FILE.png"
            )
        if self.plot_file.suffix not in FORMATS:
            raise SettingsError(f"--plot {self.plot_file}: the name must end in {' or '.join(FORMATS)}")
        if find_spec("matplotlib") is None:
            raise MissingExtraError("matplotlib", "bench")

    def print_tables(self, provenance: Provenance, results: Mapping[str, Result], not_run: Mapping[str, str]) -> None:
        """Print what each suite found, unless JSON is printed."""
        if self.json_file != STDOUT:
            titled = {f"{name}: {SUITES[name].title}": result.facts() for name, result in results.items()}
            self.console.print(render(provenance, titled, not_run))

    def write(self, content: Mapping[str, object], results: Mapping[str, Result]) -> None:
        """Write the files, each all of it or nothing.

        :raises SettingsError: one of them cannot be written
        """
        try:
            if self.json_file is not None:
                write_json(content, self.json_file, self.console)
        finally:  # neither is lost where the other cannot be written
            if self.plot_file is not None and isinstance(closed := results.get("loop"), LoopResult):
                plot(closed, self.plot_file)
