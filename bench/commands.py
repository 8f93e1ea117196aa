"""What is made of a run when its tables are printed: which budgets it holds, and the page."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from bench.report import page
from bench.report.budgets import hold, render
from bench.schema.reader import parse
from bench.verdicts.budgets import LIMITS, read_budgets
from ngrt.text import plain


def check_options(html_file: Path | None, limits: Path | None) -> None:
    """Check what will be needed after minutes of measuring.

    :raises ngrt.errors.SettingsError: the page could not be written, or there are no such budgets
    :raises ngrt.errors.MissingExtraError: the page needs something that is not installed
    """
    read_budgets(limits or LIMITS)
    if html_file is not None:
        page.check_target(html_file)


def conclude(
    content: Mapping[str, object], console: Console | None, html_file: Path | None, limits: Path | None
) -> None:
    """Hold what a run found against its budgets; print that to ``console``, and write the page to ``html_file``.

    :raises ngrt.errors.SettingsError: the page cannot be written
    """
    results = parse(json.dumps(plain(content)).encode(), "this run")
    outcomes = hold(results, limits)
    if console is not None:
        console.print(render(outcomes))
    if html_file is not None:
        page.write(results, outcomes, html_file)
