"""Two result files side by side: every distribution that both have, and whether the second is slower."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.schema.distribution import Distribution, in_words
from bench.schema.labels import CONDITIONS, NOT_OURS, dotted, short, words
from bench.schema.reader import Path_, Results, Tree, leaves
from bench.verdicts.bootstrap import Ratio, Verdict, ratio
from ngrt.errors import SettingsError

NOISE = 0.03
REFERENCES, ENGINES = ("chunk", "baselines"), ("chunk", "engines")
"""Where the chunk suite keeps the reference's times, and its engines."""

APART = 0.5
"""Load a core by which two machines are not equally idle."""


@dataclass(frozen=True, slots=True)
class Line:
    """A time in both files; ``change``: the second's median over the first's, None where there is none."""

    path: Path_
    medians: tuple[str, str]
    change: Ratio | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that two files tell about each other.

    ``differences``: what the two were not measured alike with, by name; ``only``: distributions that one of them lacks.
    """

    names: tuple[str, str]
    noise: float
    lines: list[Line]
    differences: dict[str, tuple[str, str]]
    only: tuple[list[Path_], list[Path_]]

    @property
    def slower(self) -> list[Line]:
        """Return what takes longer in the second file, but for what is there only to compare with."""
        return [line for line in self.lines if line.verdict == "slower" and not NOT_OURS.intersection(line.path)]


def compare(one: Results, other: Results, noise: float = NOISE) -> Comparison:
    """Return how ``other`` differs from ``one``; changes within ``noise``, a share, count as none.

    :raises SettingsError: the two have nothing in common
    """
    first, second = one.distributions(), other.distributions()
    both = [path for path in first if path in second]
    lines = [_line(path, first[path], second[path], noise) for path in both]
    lines += [
        _relative(engine, base, first, second, noise)
        for base in both
        if base[:-1] == REFERENCES
        for engine in both
        if engine[:2] == ENGINES and engine[-1] == "seconds"
    ]
    if not lines:
        raise SettingsError(
            f"{one.name} and {other.name} have no distribution in common", remedy="measure the same suites for both"
        )
    only = [path for path in first if path not in second], [path for path in second if path not in first]
    return Comparison((one.name, other.name), noise, lines, _differences(one, other), only)


def _line(path: Path_, before: Distribution, after: Distribution, noise: float) -> Line:
    change = ratio(before.samples, after.samples)
    verdict = change.verdict(noise) if change else "unclear"
    return Line(path, (in_words(before.p50), in_words(after.p50)), change, verdict)


def _relative(
    engine: Path_, base: Path_, first: Mapping[Path_, Distribution], second: Mapping[Path_, Distribution], noise: float
) -> Line:
    """Return an engine's time as a share of the reference's in the same run, which a slower machine leaves alone."""
    sides = first, second
    change = ratio(first[engine].samples, second[engine].samples, (first[base].samples, second[base].samples))
    shares = [f"{side[engine].p50 / side[base].p50:.3g}" if side[base].p50 > 0 else "-" for side in sides]
    path = (engine[0], engine[2], f"share of the reference's, {base[-1]}")
    return Line(path, (shares[0], shares[1]), change, change.verdict(noise) if change else "unclear")


def _differences(one: Results, other: Results) -> dict[str, tuple[str, str]]:
    """Return how machine, versions, settings, engines and conditions differ; and load, where it does by much."""
    first, second = _conditions(one), _conditions(other)
    found = {
        what: (first.get(what, "-"), second.get(what, "-"))
        for what in dict.fromkeys((*first, *second))
        if first.get(what) != second.get(what)
    }
    loads = [result.provenance.load for result in (one, other)]
    cores = min(one.provenance.cores, other.provenance.cores)
    if loads[0] is not None and loads[1] is not None and abs(loads[0] - loads[1]) > APART * cores:
        found["load before"] = (f"{loads[0]:.2f}", f"{loads[1]:.2f}")
    return found


def _conditions(result: Results) -> dict[str, str]:
    origin = result.provenance
    found = {"machine": origin.machine, "cores": str(origin.cores), "Python": origin.python, **origin.versions}
    found |= {f"setting {words((name,))}": _value(tree) for name, tree in result.settings.items()}
    for path, leaf in leaves(result.engines):
        found[f"engine {words(path)}"] = _value(leaf)
    for path, leaf in leaves(result.suites):
        if path[-1] in CONDITIONS and not path[-2].endswith("calls") and isinstance(leaf, str | int | float):
            found[dotted(path)] = _value(leaf)
    return found


def _value(tree: Tree) -> str:
    """Return a setting in words, no longer than a hash needs to be told from another."""
    if isinstance(tree, list):
        return short(", ".join(_value(item) for item in tree))
    return short(f"{tree:g}" if isinstance(tree, float) else str(tree), 32)
