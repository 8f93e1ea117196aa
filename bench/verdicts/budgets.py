"""Limits as data: ``budgets.toml`` says what a result must reach, and why; here a result is held against it.

A ratio of two things measured in one run should hold on every machine, and is checked in CI. An absolute limit is for a
person who reads it beside the machine's name. Where the very limit that was measured on the machine, ``possible``, does
not reach a ratio, it is not met and says so, but nothing is broken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.schema import query
from bench.schema.reader import Results, Tree
from ngrt.errors import SettingsError
from ngrt.reading import first_fault, parse_toml, read_whole
from ngrt.text import one_line

LIMITS = Path(__file__).with_name("budgets.toml")
MOST_BYTES = 2**20
IDLE = 0.5
"""Load a core up to which a machine counts as idle."""

Verdict = Literal["met", "not met", "not measured", "does not apply"]
Place = Annotated[str, Field(max_length=200), AfterValidator(query.check)]
Unit = Literal["times", "share", "s", "ms", "GB", ""]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, and which item of a list it is of; ``samples``: the fewest that it was made from, None for none."""

    value: float
    item: str
    samples: int | None


class Quotient(BaseModel):
    """``value``, the sum of what several paths lead to, over ``over``; ``value`` alone where there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: Annotated[list[Place], Field(min_length=1, max_length=8)]
    over: Place | None = None

    def of(self, tree: Tree) -> list[Measured]:
        """Return it for every item to which all its paths lead; what is of no item goes with each."""
        columns = [query.find(tree, path) for path in (*self.value, *([self.over] if self.over else []))]
        items = list(dict.fromkeys(value.item for column in columns for value in column if value.item)) or [""]
        rows = [[next((v for v in column if v.item in {item, ""}), None) for column in columns] for item in items]
        found = [self._one(item, row) for item, row in zip(items, rows, strict=True)]
        return [measured for measured in found if measured is not None]

    def _one(self, item: str, row: Sequence[query.Value | None]) -> Measured | None:
        numbers = [part.value for part in row if part is not None and isinstance(part.value, float | int)]
        if len(numbers) < len(row):
            return None
        over = numbers.pop() if self.over else 1.0
        value = math.fsum(numbers) / over if over else math.nan
        counts = [part.samples for part in row if part is not None and part.samples is not None]
        return Measured(value, item, min(counts, default=None)) if math.isfinite(value) else None


class Budget(Quotient):
    """One limit. See ``budgets.toml`` for what its parts mean."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    kind: Literal["ratio", "absolute"]
    at_least: float | None = None
    at_most: float | None = None
    unit: Unit = "times"
    take: Literal["every", "best"] = "every"
    when: dict[Place, str | int | float | bool] = Field(default_factory=dict)
    samples: Annotated[int, Field(ge=1)] = 1
    idle: bool = False
    possible: Quotient | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give either at_least or at_most")
        if self.kind == "ratio" and self.over is None and self.unit not in {"times", "share"}:
            raise ValueError("a ratio needs two paths, or a value that is a share or a multiple")
        return self

    def holds(self, value: float) -> bool:
        """Return whether ``value`` is within the limit."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)

    @property
    def limit(self) -> float:
        """At least or at most this."""
        return self.at_most or 0.0 if self.at_least is None else self.at_least

    def in_words(self, value: float) -> str:
        """Return ``value`` in the budget's unit."""
        match self.unit:
            case "share":
                return f"{value:.1%}"
            case "ms":
                return f"{value * 1e3:.3g} ms"
            case "GB":
                return f"{value / 1e9:.3g} GB"
            case _:
                return f"{value:.3g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One budget held against one result. ``possible``: the limit that was measured on the machine, None if none was.

    ``why``: what is lacking where nothing was measured.
    """

    budget: Budget
    verdict: Verdict
    measured: Measured | None = None
    possible: float | None = None
    why: str = ""

    @property
    def broken(self) -> bool:
        """Whether a ratio is not met that this machine allows."""
        out_of_reach = self.possible is not None and not self.budget.holds(self.possible)
        return self.verdict == "not met" and self.budget.kind == "ratio" and not out_of_reach


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    budget: Annotated[list[Budget], Field(min_length=1, max_length=200)]


def read_budgets(path: Path = LIMITS) -> list[Budget]:
    """Return the budgets in a TOML file.

    :raises SettingsError: there is no such file, or it holds no budgets
    """
    if not path.is_file():
        raise SettingsError(f"budgets file {path} does not exist", remedy="name one with --limits, or leave it out")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SettingsError(f"budgets file {path} has {size} bytes", value=size, limit=f"the limit is {MOST_BYTES}")
    try:
        return _File.model_validate(parse_toml(read_whole(path, MOST_BYTES))).budget
    except ValidationError as error:
        where, what, _ = first_fault(error)
        raise SettingsError(f"budgets file {path} does not fit at {where!r} ({what})", remedy="correct it") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"budgets file {path} is not TOML ({one_line(error)})", remedy="correct it") from error


def check(budgets: Sequence[Budget], results: Results) -> list[Outcome]:
    """Return how ``results`` do against each of ``budgets``, one outcome for every item that a budget is about."""
    return [outcome for budget in budgets for outcome in _check(budget, results)]


def _check(budget: Budget, results: Results) -> list[Outcome]:
    tree, origin = results.tree, results.provenance
    for path, wanted in budget.when.items():
        if not any(value.value == wanted for value in query.find(tree, path)):
            return [Outcome(budget, "does not apply", why=f"for {path} = {wanted}")]
    found = budget.of(tree)
    if not found:
        return [Outcome(budget, "not measured")]
    if budget.idle and origin.load is not None and origin.load > IDLE * origin.cores:
        return [Outcome(budget, "not measured", why=f"the machine was busy, load {origin.load:.2f}")]
    enough = [one for one in found if one.samples is None or one.samples >= budget.samples]
    if not enough:
        most = max(one.samples or 0 for one in found)
        return [Outcome(budget, "not measured", why=f"{most} samples; it takes {budget.samples}")]
    limits = {limit.item: limit.value for limit in budget.possible.of(tree)} if budget.possible else {}
    if budget.take == "best":
        choose = max if budget.at_least is not None else min
        enough = [choose(enough, key=lambda one: one.value)]
    return [
        Outcome(budget, "met" if budget.holds(one.value) else "not met", one, limits.get(one.item, limits.get("")))
        for one in enough
    ]
