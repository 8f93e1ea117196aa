"""The page's plots: SVG to stand inside HTML, in the page's own ink, the same from run to run."""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.report.highlights import Bar, Point, Roof, Series
from bench.schema.distribution import in_words
from bench.schema.labels import short
from ngrt.errors import MissingExtraError
from ngrt.text import printable

INK = "#010203"
"""Stands for the page's own colour of text, whether light or dark."""

COLORS = ("#3d85d6", "#e0812f", "#2e9f6b", "#d9534f", "#8d6cd9", "#2aa3ad", "#b5872b", "#c65b9b")
GREYS = ("#7d7d7d", "#a0a0a0", "#8d8d8d")
MOST = 10
"""Lines in one plot."""

WIDE, HIGH = 5.6, 3.4
"""Inches."""

MOST_POINTS = 400
LEAST = 1e-7
"""Seconds; what a logarithmic axis shows of less."""

Draw = Callable[[Any], None]
"""Draws into a matplotlib figure; its types are not known to the checker."""


def svg(name: str, title: str, draw: Draw, size: tuple[float, float] = (WIDE, HIGH)) -> str:
    """Return the plot that ``draw`` makes as an SVG element. ``name`` keeps its ids apart from other plots'.

    :raises MissingExtraError: matplotlib is not installed
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "matplotlib", "bench") from error
    colors = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
    settings: Any = {
        **dict.fromkeys(colors, INK),
        "svg.hashsalt": name,
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.13,
        "legend.frameon": False,
    }
    with rc_context(settings), warnings.catch_warnings(), io.StringIO() as buffer:
        warnings.simplefilter("ignore")  # letters that no font here has: the browser's will have them
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
        return _inline(buffer.getvalue(), title)


def _inline(text: str, title: str) -> str:
    """Return an SVG file as an element of a page: no prologue, no style for all the page, no names of its groups."""
    body = text[text.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', body)
    body = re.sub(r"^<svg[^>]*>", "", body, count=1)
    body = re.sub(r"<style.*?</style>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body).replace(INK, "currentColor")
    return f'<svg viewBox="{box[1] if box else "0 0 1 1"}" role="img" aria-label="{title}">{body.strip()}'


def distributions(series: Sequence[Series], what: str) -> Draw:
    """Return what draws the share of samples that are no longer than a time, a line for each of ``series``."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        handles = []
        for one, line in _lines(series):
            said = f"{_label(one.label)}: {in_words(one.times.p50)}"
            if one.times.has_p99:
                said += f", p99 {in_words(one.times.p99)}"
            handles.append((_rising(axes, one, 1.0, line), said))
        axes.set(xscale="log", xlabel=f"{what}; ● median, ▲ p99", ylabel="share", ylim=(0, 1.03))
        _log_ticks(axes.xaxis, lambda value, _: in_words(value))
        _legend_below(figure, handles, 1)

    return draw


def spread(series: Sequence[Series]) -> Draw:
    """Return what draws the same over each one's median: how much longer than usual it can take."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        shown = [(one, line) for one, line in _lines(series) if one.times.p50 > 0]
        handles = [(_rising(axes, one, one.times.p50, line), _label(one.label)) for one, line in shown]
        axes.set(xlabel="times the median; ▲ p99", ylabel="share", ylim=(0, 1.03))
        axes.set_xlim(right=min(axes.get_xlim()[1], 3.0))
        _legend_below(figure, handles, 2)

    return draw


def _lines(series: Sequence[Series]) -> list[tuple[Series, dict[str, Any]]]:
    """Return the fastest `MOST` of ``series``, each with its own style; references are grey and dashed."""
    colors, greys = iter(COLORS * 2), iter(GREYS * MOST)
    styles: dict[str, dict[str, Any]] = {}
    for one in sorted(series, key=lambda one: one.label):
        styles[one.label] = {"color": next(greys), "ls": "--"} if one.reference else {"color": next(colors), "ls": "-"}
    return [(one, styles[one.label]) for one in series[-MOST:]]


def _rising(axes: Any, one: Series, over: float, style: dict[str, Any]) -> Any:
    """Draw the share of ``one``'s samples up to each time, over ``over``; mark the median, and p99 if it means much."""
    times = np.sort(np.maximum(one.times.samples, LEAST)) / over
    places = np.unique(np.linspace(0, len(times) - 1, MOST_POINTS).round().astype(int))
    (line,) = axes.plot(times[places], (places + 1) / len(times), drawstyle="steps-post", linewidth=1.8, **style)
    axes.plot([max(one.times.p50, LEAST) / over], [0.5], "o", color=style["color"], markersize=5)
    if one.times.has_p99:
        axes.plot([max(one.times.p99, LEAST) / over], [0.99], "^", color=style["color"], markersize=5)
    return line


def breakdown(bars: Sequence[Bar]) -> Draw:
    """Return what draws where each chunk's time goes, a bar each."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        stages = list(dict.fromkeys(stage for bar in bars[:MOST] for stage in bar.parts))
        shown = bars[:MOST][::-1]
        left = np.zeros(len(shown))
        handles = []
        for number, stage in enumerate(stages):
            widths = np.array([bar.parts.get(stage, 0.0) for bar in shown])
            color = GREYS[0] if stage == "the rest" else COLORS[number % len(COLORS)]
            handles.append((axes.barh(range(len(shown)), widths, 0.6, left=left, color=color), stage))
            left += widths
        axes.set_yticks(range(len(shown)), [_label(bar.label) for bar in shown])
        for place, total in enumerate(left):
            axes.annotate(f" {in_words(float(total))}", (total, place), va="center", fontsize=9)
        axes.set_xlim(0, float(left.max(initial=0)) * 1.18 or 1)
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.xaxis.set_major_formatter(lambda value, _: in_words(value) if value else "0")
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=5)
        _legend_below(figure, handles, 3)

    return draw


def accuracy(points: Sequence[Point]) -> Draw:
    """Return what draws errors against time, a line for every engine, its numbers of steps beside the points."""

    def draw(figure: Any) -> None:
        panels = [
            ("stick error", [(point, point.stick_error) for point in points if point.stick_error is not None]),
            ("buttons that differ", [(p, 1 - p.buttons_agree) for p in points if p.buttons_agree is not None]),
        ]
        panels = [panel for panel in panels if panel[1]]
        handles: dict[str, Any] = {}
        for axes, (title, values) in zip(np.ravel(figure.subplots(len(panels), sharex=True)), panels, strict=True):
            for number, engine in enumerate(sorted({point.engine for point in points})[:MOST]):
                mine = sorted(((p.seconds, error, p.steps) for p, error in values if p.engine == engine))
                color = COLORS[number % len(COLORS)]
                (handles[engine],) = axes.plot(*list(zip(*mine, strict=True))[:2], "o-", color=color, markersize=4)
                for seconds, error, steps in mine:
                    axes.annotate(f"{steps}", (seconds, error), xytext=(3, 4), textcoords="offset points", fontsize=8)
            axes.set_ylabel(title)
            axes.set_ylim(bottom=0)
            axes.set_xscale("log")
        _log_ticks(axes.xaxis, lambda value, _: in_words(value))
        axes.set_xlabel("seconds a chunk, median; beside the points: steps")
        _legend_below(figure, [(line, _label(engine)) for engine, line in handles.items()], 2)

    return draw


def roofline(roofs: Sequence[Roof]) -> Draw:
    """Return what draws each graph's rate under what bandwidth and arithmetic allow at its intensity."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        ridges = [roof.peak_gflops / roof.peak_gbytes for roof in roofs]
        ends = [*(roof.intensity for roof in roofs), *ridges]
        reach = np.geomspace(min(ends) / 3, max(ends) * 3, 60)
        for flops, bandwidth in dict.fromkeys((f"{roof.peak_gflops:.2g}", f"{roof.peak_gbytes:.2g}") for roof in roofs):
            axes.plot(reach, np.minimum(float(flops), reach * float(bandwidth)), color=GREYS[0], linewidth=1.4)
            text = f"{float(flops):g} GFLOP/s, {bandwidth} GB/s"
            axes.annotate(text, (reach[-1], float(flops)), ha="right", va="bottom", fontsize=8.5)
        handles = []
        for number, roof in enumerate(roofs[: 2 * MOST]):
            marker = "o" if number < len(COLORS) else "s"
            color = COLORS[number % len(COLORS)]
            (point,) = axes.plot([roof.intensity], [roof.gflop / roof.seconds], marker, color=color, markersize=7)
            handles.append((point, f"{_label(roof.label)}: {roof.share:.0%}"))
        axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="GFLOP/s")
        for axis in (axes.xaxis, axes.yaxis):
            _log_ticks(axis, lambda value, _: f"{value:g}")
        _legend_below(figure, handles, 2)

    return draw


def _log_ticks(axis: Any, formatter: Callable[[float, int], str]) -> None:
    """Label 1, 2 and 5 where there is room for them; matplotlib's own labels are formulas."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    decades = float(np.log10(high / low)) if low > 0 else 9.0
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1, 3) if decades < 3.5 else (1,)))
    axis.set_major_formatter(formatter)
    axis.set_minor_formatter(NullFormatter())


def _legend_below(figure: Any, handles: Sequence[tuple[Any, str]], columns: int) -> None:
    if handles:
        lines, labels = zip(*handles, strict=True)
        figure.legend(lines, labels, loc="outside lower left", ncols=columns, fontsize=9, handlelength=1.6)


def _label(text: str) -> str:
    """Return ``text`` as a plot can take it: matplotlib leaves out labels that begin with an underscore."""
    return short(printable(text).lstrip("_"), 34) or "-"
