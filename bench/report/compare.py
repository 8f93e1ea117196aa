"""A comparison for people: tables of 80 columns, or Markdown."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from bench.report.console import paragraph
from bench.schema.labels import words
from bench.schema.reader import read_results
from bench.verdicts.bootstrap import FEWEST, Verdict
from bench.verdicts.compare import Comparison, Line, compare
from ngrt.text import printable

STYLES: dict[Verdict, str] = {"slower": "bold red", "faster": "green", "same": "dim", "unclear": "yellow"}


def run(one: Path, other: Path, noise: float, console: Console, *, markdown: bool = False) -> bool:
    """Compare two files, print it to ``console``, and return whether something is slower in the second.

    :raises SettingsError: one of them cannot be read, or they have nothing in common
    """
    found = compare(read_results(one), read_results(other), noise)
    if markdown:
        console.out(as_markdown(found), highlight=False)
    else:
        console.print(render(found))
    return bool(found.slower)


def rule(noise: float) -> str:
    """Return when something counts as slower."""
    return (
        f"B/A: medians, with a 95% interval from blocks of consecutive samples drawn anew. slower: all of the interval "
        f"is above {1 + noise:.3g}; faster: all of it is below {1 / (1 + noise):.3g}; same: all of it is between; "
        f"unclear: anything else, and fewer than {FEWEST} samples. What differs from one start of the program to the "
        f"next, two files cannot show: repeat what matters."
    )


def render(found: Comparison) -> RenderableType:
    """Return the comparison in tables of 80 columns."""
    parts: list[RenderableType] = [Text(f"A: {printable(found.names[0])}\nB: {printable(found.names[1])}"), ""]
    if found.differences:
        parts += [_differences_table(found.differences), ""]
    for suite in dict.fromkeys(line.path[0] for line in found.lines):
        parts += [_suite_table(suite, [line for line in found.lines if line.path[0] == suite]), ""]
    for name, paths in zip(found.names, found.only, strict=True):
        if paths:
            missing = ", ".join(dict.fromkeys(f"{path[0]}: {words(path[1:], path[0])}" for path in paths[:8]))
            more = f", and {len(paths) - 8} more" if len(paths) > 8 else ""
            parts.append(paragraph(f"only in {name}: {missing}{more}"))
    counts = Counter(line.verdict for line in found.lines)
    parts.append(paragraph(", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict]), "bold"))
    return Group(*parts, paragraph(rule(found.noise), "dim"))


def as_markdown(found: Comparison) -> str:
    """Return the comparison as tables that a pull request shows."""
    rows = [("", "A", "B", "B/A", "verdict"), ("---", "---:", "---:", "---:", "---")]
    rows += [
        (f"{line.path[0]}: {words(line.path[1:], line.path[0])}", *_cells(line), line.verdict) for line in found.lines
    ]
    if found.differences:
        rows += [(f"differs: {what}", *sides, "", "") for what, sides in found.differences.items()]
    table = "\n".join("| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows)
    return f"A: {_plain(found.names[0])}, B: {_plain(found.names[1])}\n\n{table}\n\n{rule(found.noise)}\n"


def _plain(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("<", "&lt;")


def _suite_table(suite: str, lines: list[Line]) -> Table:
    right = ("A", "B", "B/A, 95% interval")
    columns = [Column(name, justify="right", no_wrap=True) for name in right]
    table = Table(
        Column(overflow="fold"),
        *columns,
        "verdict",
        title=Text(printable(suite)),
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for line in lines:
        what = Text(printable(words(line.path[1:], line.path[0])))
        table.add_row(what, *_cells(line), Text(line.verdict, STYLES[line.verdict]))
    return table


def _cells(line: Line) -> tuple[str, str, str]:
    if line.change is None:
        return (*line.medians, "-")
    low, high = line.change.low, line.change.high
    interval = "" if low is None or high is None else f" ({_number(low)}-{_number(high)})"
    return (*line.medians, f"{_number(line.change.value)}{interval}")


def _number(value: float) -> str:
    return f"{value:.3f}" if 0.1 <= value < 100 else f"{value:.2g}"


def _differences_table(differences: Mapping[str, tuple[str, str]]) -> Table:
    title = Text("not measured alike: read the ratios with that in mind", "yellow")
    sides = Column("A", overflow="fold"), Column("B", overflow="fold")
    table = Table(Column(overflow="fold"), *sides, title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for what, values in differences.items():
        table.add_row(Text(printable(what)), *(Text(printable(value)) for value in values))
    return table
