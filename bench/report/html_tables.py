"""Everything in a result as HTML tables. What stands in the file is input: all of it is escaped."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from bench.schema.distribution import Distribution, in_words
from bench.schema.labels import words
from bench.schema.reader import Path_, Tree, item_names, leaves
from ngrt.html import Cell, escaped, table

FIGURES = ("p50", "p90", "p99", "max", "samples")
MOST_COLUMNS = 40
FEW = 4
SHOWN = 12
"""Numbers of a list that are shown as they are; of more the mean is."""


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Return names and values."""
    lines = "".join(f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(value)}</td></tr>\n' for name, value in rows)
    return f'<div class="scroll"><table><tbody>\n{lines}</tbody></table></div>\n'


def suite_tables(tree: Tree, suite: str = "") -> str:
    """Return all that ``suite`` found: its distributions, its lists of like things, and the values beside them."""
    times = [(path, leaf) for path, leaf in leaves(tree) if isinstance(leaf, Distribution)]
    parts = [distribution_table(times, suite)] if times else []
    parts += [_list(path, items, suite) for path, items in _lists(tree)]
    if values := [(words(path, suite), _value(value)) for path, value in _plain(tree)]:
        parts.append(facts(values))
    return "".join(parts)


def distribution_table(times: Sequence[tuple[Path_, Distribution]], suite: str) -> str:
    """Return percentiles, a line for each; no p99 of too few samples."""

    def row(path: Path_, one: Distribution) -> list[Cell]:
        p99 = in_words(one.p99) if one.has_p99 else "-"
        figures = (in_words(one.p50), in_words(one.p90), p99, in_words(one.max), str(len(one.samples)))
        return [(words(path, suite), ""), *((figure, "number") for figure in figures)]

    return table(("", *FIGURES), (row(path, one) for path, one in times))


def _lists(tree: Tree, path: Path_ = ()) -> Iterable[tuple[Path_, list[Tree]]]:
    """Return the outermost lists of dicts."""
    if isinstance(tree, list) and tree and all(isinstance(item, dict) for item in tree):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _lists(value, (*path, key))


def _list(path: Path_, items: list[Tree], suite: str) -> str:
    """Return a list as a table, folded up if it is long; after it the lists inside its items."""
    name, rows = escaped(words((path or ("items",))[-1:])), _list_table(items, suite)
    folded = f"<details><summary>{name}: {len(items)}</summary>{rows}</details>\n"
    parts = [folded if len(items) > SHOWN else f"<h3>{name}</h3>\n{rows}"]
    for inside, item in zip(item_names(items), items, strict=True):
        parts += [_list((f"{words((inside,))}, {words(deeper)}",), more, suite) for deeper, more in _lists(item)]
    return "".join(parts)


def _list_table(items: list[Tree], suite: str) -> str:
    """Return a line for each item, or a column where there are few items and much to say of each; times as medians."""
    names = [name.strip("[]") for name in item_names(items)]
    rows = [dict(_flat(item)) for item in items]
    columns = list(dict.fromkeys(path for row in rows for path in row))[:MOST_COLUMNS]
    if len(items) <= FEW < len(columns):
        across = ([words(path, suite), *(row.get(path, "-") for row in rows)] for path in columns)
        return table(("", *names), ([(name, ""), *((text, "number") for text in texts)] for name, *texts in across))
    lines = (
        [(name, ""), *((row.get(path, "-"), "number") for path in columns)]
        for name, row in zip(names, rows, strict=True)
    )
    return table(("", *(words(path, suite) for path in columns)), lines)


def _flat(tree: Tree, path: Path_ = ()) -> Iterable[tuple[Path_, str]]:
    """Return the values of one item in words, lists of dicts inside it left out."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, (*path, key))
    elif not (isinstance(tree, list) and any(isinstance(item, dict) for item in tree)):
        yield path, _value(tree)


def _plain(tree: Tree, path: Path_ = ()) -> Iterable[tuple[Path_, Tree]]:
    """Return what is neither a distribution nor inside a list of dicts."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _plain(value, (*path, key))
    elif isinstance(tree, list):
        if tree and not any(isinstance(item, dict | Distribution) for item in tree):
            yield path, tree
    elif not isinstance(tree, Distribution):
        yield path, tree


def _value(tree: Tree) -> str:
    if isinstance(tree, Distribution):
        return in_words(tree.p50)
    if isinstance(tree, list):
        numbers = [float(item) for item in tree if isinstance(item, float | int)]
        if len(tree) > SHOWN and len(numbers) == len(tree):
            return f"{fmean(numbers):.4g} (mean of {len(numbers)})"
        return ", ".join(_value(item) for item in tree)
    if isinstance(tree, bool) or tree is None:
        return {True: "yes", False: "no", None: "-"}[tree]
    if isinstance(tree, int):
        return f"{tree:,}" if abs(tree) >= 10_000 else str(tree)
    return f"{tree:.4g}" if isinstance(tree, float) else str(tree)
