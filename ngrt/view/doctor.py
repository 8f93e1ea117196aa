"""The lines of ``ngrt doctor`` for people. A command has an unbroken line of its own, so that it can be copied."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from ngrt.doctor.checks import Entry, State
from ngrt.text import printable

STYLES: dict[State, str] = {"good": "green", "limited": "yellow", "missing": "red"}
OPTIONAL = "dim"
"""Style of a state that is missing and not needed."""

NAMES, STATES = 13, 9
LEAST = 30
"""Fewest columns for a finding, however narrow the terminal is."""


def entry_lines(entries: Sequence[Entry], width: int | None) -> Iterator[Text]:
    """Yield a table of ``entries``, lines broken at ``width`` columns; None: not broken, for a pipe."""
    for entry in entries:
        finding = entry.finding
        style = OPTIONAL if entry.check.optional and finding.state == "missing" else STYLES[finding.state]
        first, *others = _broken(finding.found, width)
        yield Text.assemble((f"{entry.name:{NAMES}}", "cyan"), (f"{finding.state:{STATES}}", style), first)
        for line in others:
            yield Text(" " * (NAMES + STATES) + line)
        if finding.fix and finding.state != "good":
            yield Text.assemble(" " * NAMES, (f"{'fix':{STATES}}", "dim"), (printable(finding.fix), "bold"))


def verdict_lines(
    games: Mapping[str, str], engines: Sequence[str], pads: Sequence[str], following: str, width: int | None
) -> Iterator[Text]:
    """Yield which games can be played, with which engines and pads, and ``following``, the command to run next."""
    yield Text("what can be played here" if games else "nothing can be played here", "bold")
    for game, command in games.items():
        yield Text.assemble((f"  {game:{NAMES}}", "cyan"), (printable(command), "bold"))
    if games:
        driven = " or ".join(pads) or "none can be driven: what the policy would do is only shown"
        for name, text in (("engines", ", ".join(engines)), ("pads", driven)):
            first, *others = _broken(text, width)
            yield Text.assemble((f"  {name:{NAMES}}", "cyan"), first)
            yield from (Text(" " * (NAMES + STATES) + line) for line in others)
    yield Text.assemble((f"{'next':{NAMES + 2}}", "cyan"), (printable(following), "bold"))


def _broken(text: str, width: int | None) -> list[str]:
    text = printable(text)
    if width is None:
        return [text]
    return textwrap.wrap(text, max(LEAST, width - NAMES - STATES), break_on_hyphens=False) or [""]
