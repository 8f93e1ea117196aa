"""Which budgets a result holds, for people."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from bench.report.console import paragraph
from bench.schema.reader import Results, read_results
from bench.verdicts.budgets import LIMITS, Outcome, Verdict, check, read_budgets
from ngrt.text import printable

STYLES: dict[Verdict, str] = {"met": "green", "not met": "bold red"}


def run(result: Path, limits: Path | None, console: Console) -> bool:
    """Hold a result file against the budgets, print it to ``console``, and return whether a ratio is broken.

    :raises ngrt.errors.SettingsError: result or budgets cannot be read
    """
    outcomes = hold(read_results(result), limits)
    console.print(render(outcomes))
    return any(outcome.broken for outcome in outcomes)


def hold(results: Results, limits: Path | None = None) -> list[Outcome]:
    """Return how ``results`` do against the budgets in ``limits``, those that come with ngrt if None.

    :raises ngrt.errors.SettingsError: the budgets cannot be read
    """
    return check(read_budgets(limits or LIMITS), results)


def render(outcomes: Sequence[Outcome]) -> RenderableType:
    """Return tables of what is met and what is not; below, what was not measured."""
    told = [outcome for outcome in outcomes if outcome.measured is not None]
    parts: list[RenderableType] = []
    if told:
        figures = [Column(name, justify="right", no_wrap=True) for name in ("measured", "limit")]
        table = Table(Column("budget", overflow="fold"), *figures, "", title="budgets", title_justify="left", box=None,
                      padding=(0, 2, 0, 0))  # fmt: skip
        for outcome in told:
            verdict = Text(outcome.verdict, STYLES.get(outcome.verdict, ""))
            table.add_row(Text(printable(title(outcome))), *figures_of(outcome), verdict)
        parts += [table, *(paragraph(note, "yellow") for outcome in told if (note := remark(outcome)))]
    missing = [f"{outcome.budget.name}{f' ({outcome.why})' if outcome.why else ''}"
               for outcome in outcomes if outcome.verdict == "not measured"]  # fmt: skip
    if missing:
        parts.append(paragraph(f"not measured: {'; '.join(missing)}", "dim"))
    if beside := sum(outcome.verdict == "does not apply" for outcome in outcomes):
        parts.append(paragraph(f"{beside} more are for other engines or settings", "dim"))
    return Group(*parts)


def title(outcome: Outcome) -> str:
    """Return what a budget is about."""
    item = outcome.measured.item if outcome.measured else ""
    return f"{outcome.budget.name}{f' ({item})' if item else ''}"


def figures_of(outcome: Outcome) -> tuple[str, str]:
    """Return what was measured, and the limit."""
    budget = outcome.budget
    sign = ">=" if budget.at_most is None else "<="
    measured = "-" if outcome.measured is None else budget.in_words(outcome.measured.value)
    return measured, f"{sign} {budget.in_words(budget.limit)}"


def remark(outcome: Outcome) -> str:
    """Return what is to be said of a budget that is not met: what the machine allows, and whether it counts."""
    if outcome.verdict != "not met":
        return ""
    if outcome.possible is not None:
        said = f"{title(outcome)}: not met; the limit measured on this machine is "
        return said + outcome.budget.in_words(outcome.possible)
    return "" if outcome.broken else f"{title(outcome)}: not met; it depends on the machine, and is no error"
