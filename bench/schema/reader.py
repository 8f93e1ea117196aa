"""Reads the files that ``ngrt bench --json`` writes. They may come from anywhere: what does not fit is refused."""

import codecs
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.schema.content import SCHEMA_VERSION
from bench.schema.distribution import Distribution
from bench.schema.labels import label
from ngrt.errors import SettingsError
from ngrt.reading import first_fault, parse_json, read_whole
from ngrt.text import cut, one_line, short

MOST_BYTES = 32 * 2**20
MOST_VALUES = 2_000_000
MOST_ENGINES = 1_000
MOST_DISTRIBUTIONS = 2_000
DEEPEST = 24
REMEDY = "give a file that ngrt bench --json wrote"

Leaf: TypeAlias = "Distribution | str | float | int | bool | None"
Tree: TypeAlias = "dict[str, Tree] | list[Tree] | Leaf"
Path_: TypeAlias = tuple[str, ...]
"""Names from the outside in; an item of a list is its label, or its number, in brackets."""


class Origin(BaseModel):
    """Where and when a result was taken."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    taken: str = "unknown"
    machine: str = "unknown"
    cores: Annotated[int, Field(ge=1)] = 1
    load: float | None = None
    python: str = "unknown"
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def line(self) -> str:
        """The machine in a line."""
        load = "" if self.load is None else f", load {self.load:.2f}"
        return f"{self.machine}, {self.cores} cores{load}"


class _File(BaseModel):
    """The outermost names of a file."""

    model_config = ConfigDict(extra="ignore")

    provenance: Origin
    settings: dict[str, Any] = Field(default_factory=dict)
    engines: Annotated[list[dict[str, Any]], Field(max_length=MOST_ENGINES)]
    suites: dict[str, dict[str, Any]]
    not_run: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """One file: where it was taken, with what settings and engines, what each suite found, and what was not run.

    Distributions in ``suites`` are `Distribution`; everything else is as it stands in the file.
    """

    name: str
    provenance: Origin
    settings: dict[str, Tree]
    engines: list[Tree]
    suites: dict[str, Tree]
    not_run: dict[str, str]

    @property
    def tree(self) -> Tree:
        """All of it, as budgets' paths see it."""
        provenance: dict[str, Tree] = self.provenance.model_dump()
        return {"provenance": provenance, "settings": self.settings, "engines": self.engines, "suites": self.suites}

    def distributions(self) -> dict[Path_, Distribution]:
        """Return every distribution by its path, the suite's name first."""
        return {path: leaf for path, leaf in leaves(self.suites) if isinstance(leaf, Distribution)}


def read_results(path: Path) -> Results:
    """Return what is in the result file at ``path``.

    :raises SettingsError: there is no such file, it is too large, or it is no result of ``ngrt bench``
    """
    if not path.is_file():
        raise SettingsError(f"result file {path} does not exist", remedy=REMEDY)
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SettingsError(f"result file {path} has {size} bytes", value=size, limit=f"the limit is {MOST_BYTES}")
    try:
        return parse(read_whole(path, MOST_BYTES), path.name)
    except OSError as error:
        raise SettingsError(f"result file {path} cannot be read ({error.strerror})", remedy=REMEDY) from error
    except SettingsError as error:
        raise SettingsError(
            f"result file {path} {error.problem}", value=error.value, limit=error.limit, remedy=error.remedy or REMEDY
        ) from error


def parse(content: bytes | str, name: str) -> Results:
    """Return what a result file called ``name`` says.

    :raises SettingsError: it is no result of ``ngrt bench``, or of another schema
    """
    try:
        raw = parse_json(_utf8(content), MOST_VALUES, constants=_refuse)
    except ValueError as error:  # also what is no text
        raise SettingsError(f"is not JSON ({cut(one_line(error), 120)})") from error
    if not isinstance(raw, dict):
        raise SettingsError(f"holds {type(raw).__name__} where a table was expected")
    _check_schema(raw.get("schema"))
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        where, what, _ = first_fault(error)
        raise SettingsError(f"does not fit at {where!r} ({what})") from error
    found = Results(
        name,
        file.provenance,
        _table(file.settings),
        [_tree(engine) for engine in file.engines],
        _table(file.suites),
        file.not_run,
    )
    if (count := len(found.distributions())) > MOST_DISTRIBUTIONS:
        raise SettingsError(f"has {count} distributions", value=count, limit=f"the limit is {MOST_DISTRIBUTIONS}")
    return found


def _utf8(content: bytes | str) -> bytes:
    """Return text as UTF-8; Windows' shell redirects what is printed into a file of UTF-16.

    :raises ValueError: it is neither
    """
    if isinstance(content, str):
        return content.encode()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16").encode() if wide else content


def _check_schema(version: object) -> None:
    """Check that a file is of today's shape.

    :raises SettingsError: it is not, or does not say so, as files of before do not
    """
    if version == SCHEMA_VERSION and not isinstance(version, bool | float):
        return
    problem = "does not say its schema" if version is None else f"has schema '{short(version)}'"
    raise SettingsError(
        problem,
        value=version,
        limit=f"this ngrt reads schema {SCHEMA_VERSION}",
        remedy="read it with the ngrt that wrote it, or measure again with ngrt bench --json",
    )


def leaves(tree: Tree, path: Path_ = ()) -> Iterator[tuple[Path_, Leaf]]:
    """Return everything in ``tree`` that is not a dict or a list of such, with its path."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list):
        for name, value in zip(item_names(tree), tree, strict=True):
            yield from leaves(value, (*path, name))
    else:
        yield path, tree


def item_names(items: list[Tree]) -> list[str]:
    """Return what tells the items of a list apart, in brackets: label or number from 1 on.

    A name of its own, which may be any folder's, is said only of items that nothing else tells apart.
    """
    plain = [label(item) if isinstance(item, dict) else "" for item in items]
    named = [label(item, named=True) if isinstance(item, dict) else "" for item in items]
    once, once_named = (Counter(labels) for labels in (plain, named))
    names: list[str] = []
    for number, (text, full) in enumerate(zip(plain, named, strict=True), 1):
        if text and once[text] == 1:
            names.append(f"[{text}]")
        else:
            names.append(f"[{full}]" if full and once_named[full] == 1 else f"[{full} {number}]".replace("[ ", "["))
    return names


def _table(raw: dict[str, Any]) -> dict[str, Tree]:
    return {_text(key): _tree(value, 1) for key, value in raw.items()}


def _tree(raw: Any, depth: int = 0) -> Tree:
    """Return JSON with its distributions made."""
    if depth > DEEPEST:
        raise SettingsError(f"is nested deeper than {DEEPEST}")
    if isinstance(raw, dict):
        if "samples" in raw and "p50" in raw:
            return _distribution(raw["samples"])
        return {_text(key): _tree(value, depth + 1) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_tree(value, depth + 1) for value in raw]
    if isinstance(raw, str):
        return _text(raw)
    if isinstance(raw, float | int) and not isinstance(raw, bool) and not _is_number(raw):
        raise SettingsError("has a number that is too large")
    leaf: Leaf = raw
    return leaf


def _distribution(samples: Any) -> Distribution:
    """Return the distribution of ``samples``; its percentiles are theirs, whatever the file says."""
    if not isinstance(samples, list) or not samples:
        raise SettingsError("has a distribution without samples")
    if not all(isinstance(sample, float | int) and _is_number(sample) for sample in samples):
        raise SettingsError("has samples that are not finite numbers")
    return Distribution.of([float(sample) for sample in samples])


def _is_number(value: float | int) -> bool:
    if isinstance(value, bool):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63


def _text(text: str) -> str:
    """Return ``text`` if it can be written anywhere, which half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SettingsError("has text that is no Unicode") from error
    return text


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
