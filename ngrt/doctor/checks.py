"""Checks of a machine: each runs by itself and within a limit, so that one that fails or hangs takes no other down."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ngrt.clock import MonotonicClock
from ngrt.deadline import Late, within
from ngrt.errors import NgrtError
from ngrt.packages import reinstall

State = Literal["good", "limited", "missing"]

ALL = 30.0
"""Seconds for all checks together: several that hang must not add up to minutes."""

LEAST = 0.2
"""Seconds that any check gets."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: whether it will do, what there is in a line, and what mends it if it will not.

    ``fix``: a command where there is one, else what to do, in words.
    """

    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to probe.

    ``needs``: names of checks without which it makes no sense, where they found nothing. ``optional``: ngrt plays
    without it. ``limit``: seconds that ``probe`` may take; ``stuck``: what mends it where it takes longer.
    """

    name: str
    probe: Callable[[], Finding]
    needs: tuple[str, ...] = ()
    optional: bool = False
    limit: float = 3.0
    stuck: str = "ngrt doctor  # again, with less going on"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table: a check, and what it found."""

    check: Check
    finding: Finding

    @property
    def name(self) -> str:
        """The check's."""
        return self.check.name


def run_checks(checks: Sequence[Check], report: Callable[[str, float], None]) -> Iterator[Entry]:
    """Yield what each of ``checks`` found, in their order. ``report`` is told what comes next and the share done."""
    clock = MonotonicClock()
    end = clock.now() + ALL
    states: dict[str, State] = {}
    for number, check in enumerate(checks):
        report(check.name, number / len(checks))
        lacking = [name for name in check.needs if states.get(name) == "missing"]
        if lacking:
            finding = Finding("missing", f"not checked without {lacking[0]}, see there")
        else:
            finding = guarded(check, max(LEAST, min(check.limit, end - clock.now())))
        states[check.name] = finding.state
        yield Entry(check, finding)
    report("done", 1.0)


def guarded(check: Check, limit: float) -> Finding:
    """Return what ``check`` found within ``limit`` seconds, or how it failed. What hangs is left behind."""
    try:
        return within(limit, partial(_probed, check), name=f"ngrt-check-{check.name}")
    except Late:
        return Finding("missing", f"no answer within {limit:.2g} s: it hangs, or is slow", check.stuck)


def missing(error: NgrtError) -> Finding:
    """Return what an error says: what is missing, and what mends it."""
    return Finding("missing", "; ".join(part for part in (error.problem, error.limit) if part), error.remedy)


def _probed(check: Check) -> Finding:
    """Return what ``check`` found, or how it failed: in its own thread, where a Ctrl-C is none of a person's."""
    try:
        return check.probe()
    except NgrtError as error:
        return missing(error)
    except BaseException as error:  # noqa: BLE001  (libraries raise what they like, some even SystemExit)
        said = " ".join(str(error).split())
        fix = "ngrt doctor  # again"
        if isinstance(error, ImportError):
            fix = reinstall(error.name or check.name)
        return Finding("missing", f"the check failed: {type(error).__name__}{said and ': '}{said}", fix)
