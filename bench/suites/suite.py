"""What a suite is: what it is given, how much it measures, and what it leaves."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from bench.subjects.subjects import Subject
from ngrt.errors import install
from ngrt.policy.shipped import arcade_engine
from ngrt.processor import usable_cores

T = TypeVar("T")

Report = Callable[[float], None]
"""Told the share of one suite that is done."""


class Fields(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Result(Fields, Protocol):
    """What a suite measured: a frozen dataclass of distributions, counts and settings."""

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""


Measure = Callable[[Report], Result]


class LackingError(Exception):
    """A suite cannot run with what was given; the text says what it needs."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is measured: engine bundles with what is to run them, and the checkpoint they were made from.

    ``display``: the X11 display to flash on; a server is started for it if None.
    """

    engines: tuple[Subject, ...]
    checkpoint: Path | None
    display: str | None = None

    @property
    def any_engines(self) -> tuple[Subject, ...]:
        """The engines, the arcade's if none was given."""
        return self.engines or (Subject(arcade_engine()),)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    ``threads`` of the engines; ``samples`` of each chunk, as many as fit a suite's time if None; denoise ``steps``, the
    policy's own if None; ``episodes`` of each setting, as many as it takes if None. ``named``: the suites were asked
    for by name, not all of them at once. ``own``: settings of suites that are not to run with their usual ones.
    """

    threads: int = field(default_factory=usable_cores)
    samples: int | None = None
    steps: int | None = None
    episodes: int | None = None
    named: bool = True
    own: tuple[Fields, ...] = ()

    def of(self, kind: type[T]) -> T:
        """Return a suite's own settings, which are of ``kind``: those in ``own``, its usual ones if there are none."""
        return next((given for given in self.own if isinstance(given, kind)), None) or kind()

    @property
    def settings(self) -> dict[str, object]:
        """What all suites have in common, for the result."""
        return {"threads": self.threads, "samples": self.samples, "steps": self.steps, "episodes": self.episodes}


@dataclass(frozen=True, slots=True)
class Ready:
    """A suite that can run: what measures it, and the settings of its own that it runs with, None if it has none."""

    measure: Measure
    settings: Fields | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """What is known of a suite before it is imported: a row of `bench.suites.registry.SUITES`.

    ``title`` for people; ``long``: why it runs only when it is named; ``measures_engines``: what backends are there
    matters to it. ``module`` in `bench.suites`: called as the suite is if empty. It has ``prepare``, which returns
    `Ready` for `Inputs` and `Effort`, or raises `LackingError`.
    """

    name: str
    title: str
    long: str = ""
    measures_engines: bool = False
    module: str = ""

    def prepare(self, inputs: Inputs, effort: Effort) -> Ready:
        """Import the suite and return what runs it.

        :raises LackingError: something is not installed or was not given
        """
        name = f"{__package__}.{self.module or self.name}"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("bench"):
                raise
            raise LackingError(f"needs {error.name}: {install('export')}") from error
        ready: Ready = module.prepare(inputs, effort)
        return ready
