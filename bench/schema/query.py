"""Paths into a result: ``suites.chunk.engines[precision=int8].seconds.p50``.

A list without a selector stands for all its items. A distribution has p50, p90, p99, max, count and total, the sum of
its samples.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.schema.distribution import Distribution
from bench.schema.reader import Tree, item_names

PAIR = r"[\w-]++=[^\],=]++"
PART = re.compile(rf"([\w-]++)(?:\[({PAIR}(?:, ?{PAIR})*+(?:, ?)?)\])?(?:\.|$)")  # possessive: time grows with length
OF_DISTRIBUTIONS = ("p50", "p90", "p99", "max", "count", "total")


@dataclass(frozen=True, slots=True)
class Value:
    """What a path leads to: a plain value, the item of a list that it is of, and how many samples it was made from."""

    value: float | int | str | bool
    item: str = ""
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class _Node:
    tree: "Tree | Value"
    item: str = ""


def check(path: str) -> str:
    """Return ``path`` if it is one.

    :raises ValueError: it is not
    """
    _parts(path)
    return path


def find(tree: Tree, path: str) -> list[Value]:
    """Return the plain values that ``path`` leads to; none if that was not measured."""
    nodes = [_Node(tree)]
    for name, wanted in _parts(path):
        nodes = [found for node in _spread(nodes) for found in _step(node, name)]
        if wanted:
            nodes = [node for node in _spread(nodes) if _fits(node.tree, wanted)]
    return [value for node in _spread(nodes) if (value := _value(node)) is not None]


def _parts(path: str) -> list[tuple[str, dict[str, str]]]:
    parts, place = [], 0
    while place < len(path):
        match = PART.match(path, place)
        if match is None:
            break
        pairs = (pair.split("=") for pair in (match[2] or "").split(",") if pair.strip())
        parts.append((match[1], {key.strip(): value.strip() for key, value in pairs}))
        place = match.end()
    if not parts or place < len(path) or path.endswith("."):
        raise ValueError(f"{path!r} is no path such as suites.chunk.engines[precision=int8].seconds.p50")
    return parts


def _spread(nodes: Sequence[_Node]) -> list[_Node]:
    """Return ``nodes`` with lists replaced by their items."""
    spread: list[_Node] = []
    for node in nodes:
        if isinstance(node.tree, list):
            names = (name.strip("[]") for name in item_names(node.tree))
            of = f"{node.item}, " if node.item else ""
            spread += [_Node(item, of + name) for name, item in zip(names, node.tree, strict=True)]
        else:
            spread.append(node)
    return spread


def _step(node: _Node, name: str) -> list[_Node]:
    tree = node.tree
    if isinstance(tree, dict):
        return [_Node(tree[name], node.item)] if name in tree else []
    if isinstance(tree, Distribution) and name in OF_DISTRIBUTIONS:
        return [_Node(Value(_figure(tree, name), node.item, len(tree.samples)))]
    return []


def _value(node: _Node) -> Value | None:
    if isinstance(node.tree, str | float | int):
        return Value(node.tree, node.item)
    return node.tree if isinstance(node.tree, Value) else None


def _figure(of: Distribution, name: str) -> float:
    if name == "total":
        return math.fsum(of.samples)
    return float(len(of.samples) if name == "count" else getattr(of, name))


def _fits(node: "Tree | Value", wanted: dict[str, str]) -> bool:
    return isinstance(node, dict) and all(str(node.get(key)) == value for key, value in wanted.items())
