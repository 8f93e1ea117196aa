"""What the page shows first and draws, picked out of a result; everything may be missing."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.schema.distribution import Distribution, in_words
from bench.schema.labels import words
from bench.schema.reader import Path_, Results, Tree, item_names

STAGES = ("preprocess", "observe", "steps", "denoise", "decode")


@dataclass(frozen=True, slots=True)
class Series:
    """Times of one thing; ``reference``: of what it is compared with, such as the reference's way."""

    label: str
    times: Distribution
    reference: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """Where the time of a chunk goes: seconds by stage."""

    label: str
    parts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Point:
    """One engine at one number of steps: seconds a chunk, and how far from the reference, None where not measured."""

    engine: str
    steps: int
    seconds: float
    stick_error: float | None
    buttons_agree: float | None


@dataclass(frozen=True, slots=True)
class Roof:
    """One graph: its work in GFLOP and GB, the machine's peaks in GFLOP/s and GB/s, and the seconds it took.

    ``peak_gflops`` is that of the graph's own mix of operations. ``share`` of the limit that was reached.
    """

    label: str
    gflop: float
    gbytes: float
    peak_gflops: float
    peak_gbytes: float
    seconds: float
    share: float

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.gflop / self.gbytes


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure that a person wants first."""

    name: str
    value: str
    note: str = ""


def chunk_series(results: Results) -> list[Series]:
    """Return the reference's times and the engines', the slowest first."""
    chunk = results.suites.get("chunk")
    found = [
        Series(words(("baselines", name)), times, reference=True)
        for name, times in _items(_at(chunk, "baselines"))
        if isinstance(times, Distribution)
    ]
    found += [
        Series(words((name,)), times, reference=False)
        for name, engine in _items(_at(chunk, "engines"))
        if isinstance(times := _at(engine, "seconds"), Distribution)
    ]
    return sorted(found, key=lambda series: -series.times.p50)


def lateness(results: Results) -> list[Series]:
    """Return how late ticks were, those of the naive loop as the reference."""
    found = [
        Series(words((name,)), times, reference="naive" in name)
        for name, loop in _items(results.suites.get("control"))
        if isinstance(times := _at(loop, "late"), Distribution)
    ]
    return sorted(found, key=lambda series: -series.times.p50)


def stage_bars(results: Results) -> list[Bar]:
    """Return where chunks' time goes: as the suite stages measured it, else as far as the chunk suite tells."""
    stages = results.suites.get("stages")
    whole = [("", stages)] if isinstance(stages, dict) else []
    bars = [
        Bar(words((name,)) if name else "a chunk", parts)
        for name, tree in (*whole, *_items(_at(stages, "engines")))
        if (parts := _parts(tree))
    ]
    if bars:
        return bars
    engines = _items(_at(results.suites.get("chunk"), "engines"))
    return [bar for name, engine in engines if (bar := _rest(name, engine)) is not None]


def _parts(tree: Tree) -> dict[str, float]:
    """Return the stages that stand in ``tree``; a list of steps counts as a whole."""
    parts: dict[str, float] = {}
    for stage in STAGES:
        part = _at(tree, stage)
        if isinstance(part, Distribution):
            if stage != "denoise" or not any(name.startswith("denoise") for name in parts):
                parts[stage] = part.p50
        elif isinstance(part, list) and (steps := [step.p50 for step in part if isinstance(step, Distribution)]):
            parts[f"denoise, {len(steps)} steps"] = sum(steps)
    return parts


def _rest(name: str, engine: Tree) -> Bar | None:
    """Return a chunk's time as that of its graphs and the rest: means, which add up."""
    seconds = _at(engine, "seconds")
    graphs = {stage: _at(engine, stage) for stage in ("observe", "denoise")}
    times = {stage: times for stage, times in graphs.items() if isinstance(times, Distribution)}
    if not isinstance(seconds, Distribution) or not times:
        return None
    parts = {stage: sum(found.samples) / len(seconds.samples) for stage, found in times.items()}
    mean = sum(seconds.samples) / len(seconds.samples)
    return Bar(words((name,)), {**parts, "the rest": max(0.0, mean - sum(parts.values()))})


def sweep_points(results: Results) -> list[Point]:
    """Return every engine at every number of steps for which an error was measured."""
    points = []
    for cell in _tables(results.suites.get("sweep")):
        seconds, steps = _at(cell, "seconds"), _at(cell, "steps")
        error, agree = _number(_at(cell, "stick_error")), _number(_at(cell, "buttons_agree"))
        if isinstance(seconds, Distribution) and isinstance(steps, int) and (error is not None or agree is not None):
            named = (_at(cell, key) for key in ("precision", "backend"))
            engine = ", ".join(part for part in named if isinstance(part, str))
            points.append(Point(engine or str(_at(cell, "engine")), steps, seconds.p50, error, agree))
    return points


def roofs(results: Results) -> list[Roof]:
    """Return every graph of the chunk suite whose work, machine and time were measured."""
    found = []
    for name, engine in _items(_at(results.suites.get("chunk"), "engines")):
        roofline = _at(engine, "roofline")
        bandwidth = _number(_at(_at(roofline, "peaks"), "peak_gbytes"))
        for graph in _tables(_at(roofline, "graphs")):
            work = [_total(_at(graph, "gflop")), _number(_at(graph, "gbytes"))]
            times = [_number(_at(graph, key)) for key in ("arithmetic_seconds", "measured", "share")]
            figures = [figure for figure in (*work, bandwidth, *times) if figure is not None and figure > 0]
            if len(figures) == 6:
                gflop, gbytes, peak, arithmetic, seconds, share = figures
                label = words((name, str(_at(graph, "graph"))))
                found.append(Roof(label, gflop, gbytes, gflop / arithmetic, peak, seconds, share))
    return found


def _total(tree: Tree) -> float | None:
    """Return a number, or the sum of numbers by kind."""
    if not isinstance(tree, dict):
        return _number(tree)
    return sum(number for part in tree.values() if (number := _number(part)) is not None)


def tiles(results: Results) -> list[Tile]:
    """Return what a person wants to know first."""
    return [*_chunk_tiles(results), *_other_tiles(results)]


def _chunk_tiles(results: Results) -> Iterator[Tile]:
    series = chunk_series(results)
    engines = [one for one in series if not one.reference]
    if not engines:
        return
    best = engines[-1]
    chunk = results.suites.get("chunk")
    steps = _number(_at(chunk, "steps"))
    yield Tile("a chunk", in_words(best.times.p50), f"{best.label}{f', {steps:g} steps' if steps else ''}, median")
    for one in series:
        if one.reference and best.times.p50 > 0:
            yield Tile("times faster", f"{one.times.p50 / best.times.p50:.1f}", f"than the {one.label}")
    if best.times.p50 > 0 and best.times.has_p99:
        note = f"of {len(best.times.samples)} chunks, {best.label}"
        yield Tile("p99 over p50", f"{best.times.p99 / best.times.p50:.2f}", note)
    shares = [
        (name, share)
        for name, engine in _items(_at(chunk, "engines"))
        if (share := _number(_at(_at(engine, "roofline"), "share"))) is not None
    ]
    for name, share in shares:
        if words((name,)) == best.label:
            yield Tile("share of the limit", f"{share:.0%}", "of what this machine can do, measured in the same run")


def _other_tiles(results: Results) -> Iterator[Tile]:
    suites = results.suites
    engines = _items(_at(suites.get("startup"), "engines"))
    starts = [(whole.p50, name) for name, engine in engines if isinstance(whole := _at(engine, "whole"), Distribution)]
    if starts:
        seconds, name = min(starts)
        yield Tile("start to first action", in_words(seconds), f"{words((name,))}; a fresh process")
    engines = _items(_at(suites.get("memory"), "engines"))
    peaks = [(size, name) for name, engine in engines if (size := _number(_at(engine, "peak_bytes"))) is not None]
    if peaks:
        size, name = min(peaks)
        yield Tile("peak memory", f"{size / 1e9:.2f} GB", f"{words((name,))}; a process of its own")
    load, first = (_at(suites.get("load"), key) for key in ("load", "first_chunk"))
    if isinstance(load, Distribution) and isinstance(first, Distribution):
        yield Tile("load to first chunk", in_words(load.p50 + first.p50), "a fresh process, imports done")
    peak = _number(_at(suites.get("load"), "peak_bytes"))
    if peak is not None:
        yield Tile("peak memory", f"{peak / 1e9:.2f} GB", "of that process")
    late = _at(_at(suites.get("control"), "loaded"), "late")
    if isinstance(late, Distribution):
        yield Tile("ticks late", in_words(late.p99), "p99, engine flat out")
    overhead = _at(suites.get("overhead"), "frame_to_chunk")
    if isinstance(overhead, Distribution):
        yield Tile("all but the model", in_words(overhead.p50), f"frame to chunk; p99 {in_words(overhead.p99)}")


def _at(tree: Tree, key: str) -> Tree:
    return tree.get(key) if isinstance(tree, dict) else None


def _items(tree: Tree) -> list[tuple[str, Tree]]:
    """Return the parts of a dict, or the items of a list with what tells them apart."""
    if isinstance(tree, dict):
        return list(tree.items())
    return list(zip(item_names(tree), tree, strict=True)) if isinstance(tree, list) else []


def _number(tree: Tree) -> float | None:
    return float(tree) if isinstance(tree, float | int) and not isinstance(tree, bool) else None


def _named(tree: Tree, path: Path_ = ()) -> Iterator[tuple[Path_, Tree]]:
    """Return every dict inside ``tree`` with its path."""
    if isinstance(tree, dict):
        yield path, tree
    for name, part in _items(tree):
        yield from _named(part, (*path, name))


def _tables(tree: Tree) -> Iterator[Tree]:
    return (table for _, table in _named(tree))
