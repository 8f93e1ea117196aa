"""The results of a run: tables for people, JSON with every sample for programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from bench.schema.provenance import Provenance
from ngrt.files import write_whole
from ngrt.text import plain, printable
from ngrt.view.tables import facts_table


def render(
    provenance: Provenance, suites: Mapping[str, Sequence[tuple[str, str]]], not_run: Mapping[str, str]
) -> RenderableType:
    """Return a table for each suite by title, where it was measured, and what was not run and why."""
    tables = [facts_table(title, facts) for title, facts in suites.items()]
    versions = ", ".join(f"{tool} {version}" for tool, version in provenance.versions.items())
    load = "" if provenance.load is None else f", load {provenance.load:.2f}"
    here = [
        ("machine", f"{provenance.machine}, {provenance.cores} cores{load}"),
        ("versions", f"Python {provenance.python}, {versions}"),
        ("taken", provenance.taken),
    ]
    tables.append(facts_table("measured on", here))
    if not_run:
        tables.append(facts_table("not run", not_run.items()))
    return Group(*(part for table in tables for part in (table, "")))


def paragraph(text: str, style: str = "") -> Table:
    """Return text that wraps, which what is printed for pipes does not by itself."""
    table = Table.grid(Column(overflow="fold"))
    table.add_row(Text(printable(text), style))
    return table


def write_json(content: Mapping[str, object], path: Path, console: Console) -> None:
    """Write ``content`` to the file at ``path``, all of it or nothing; to ``console`` where it is ``-``.

    :raises SettingsError: the file cannot be written
    """
    text = json.dumps(plain(content), indent=1) + "\n"
    if path == Path("-"):
        console.out(text, end="", highlight=False)
        return
    write_whole(path, text.encode())
