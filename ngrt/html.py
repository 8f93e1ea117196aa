"""The small parts that HTML pages share. Every text is escaped."""

import html
from collections.abc import Iterable, Sequence

from ngrt.text import printable

Cell = tuple[str, str]
"""A text and its CSS class: "number" or ""."""


def escaped(text: object) -> str:
    """Return ``text`` escaped for a page."""
    return html.escape(printable(str(text)))


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table that scrolls by itself where it is too wide."""
    numbers = "number" if head[1:] else ""
    top = "".join(
        f'<th scope="col"{_class(numbers if place else "")}>{escaped(name)}</th>' for place, name in enumerate(head)
    )
    lines = "".join(
        f"<tr>{''.join(f'<td{_class(kind)}>{escaped(text)}</td>' for text, kind in row)}</tr>\n" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead>\n<tbody>\n{lines}</tbody></table></div>\n'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
