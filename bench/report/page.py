"""A result as one HTML page that needs nothing else: no network, no scripts."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from string import Template

from pydantic import TypeAdapter, ValidationError

from bench.report import highlights, svg
from bench.report.budgets import figures_of, hold, remark, title
from bench.report.html_tables import facts, suite_tables
from bench.schema.labels import OTHER_TITLES
from bench.schema.reader import Results, read_results
from bench.suites.registry import suite_title
from bench.verdicts.budgets import Outcome
from ngrt import files
from ngrt.errors import MissingExtraError
from ngrt.html import Cell, escaped, table

TEMPLATE = Path(__file__).with_name("page.html")
VERDICTS = {"met": "met", "not met": "missed"}


def check_target(path: Path) -> None:
    """Check that a page can be written to ``path``, before anything is measured.

    :raises SettingsError: it has no folder, or is no file
    :raises MissingExtraError: matplotlib is not installed
    """
    files.check_target(path, "--html")
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "bench")


def run(result: Path, path: Path, limits: Path | None = None) -> None:
    """Write the page of a result file to ``path``, all of it or nothing.

    :raises SettingsError: the result cannot be read, or the page not written
    :raises MissingExtraError: matplotlib is not installed
    """
    check_target(path)
    results = read_results(result)
    write(results, hold(results, limits), path)


def write(results: Results, outcomes: Sequence[Outcome], path: Path) -> None:
    """Write the page to ``path``, all of it or nothing.

    :raises SettingsError: it cannot be written
    """
    files.write_whole(path, page(results, outcomes).encode())


def page(results: Results, outcomes: Sequence[Outcome] = ()) -> str:
    """Return the page: what one wants to know first, plots, budgets, then every table."""
    origin = results.provenance
    versions = ", ".join(f"{tool} {version}" for tool, version in origin.versions.items())
    said = (f"{origin.line}. Taken {origin.taken}.", f"Python {origin.python}, {versions}")
    body = [_tiles(results), _plots(results), _budgets(outcomes)]
    body += [_suite(name, suite_tables(tree, name)) for name, tree in results.suites.items()]
    if results.not_run:
        body.append(f"<h2>Not run</h2>\n{facts(results.not_run.items())}")
    if results.engines:
        body.append(f"<h2>Engines</h2>\n{suite_tables(results.engines)}")
    body.append(f"<h2>Settings</h2>\n{suite_tables(results.settings)}")
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        title=escaped(f"ngrt bench: {', '.join(results.suites) or 'nothing measured'}"),
        origin="".join(f'<p class="soft">{escaped(line)}</p>\n' for line in said),
        body="\n".join(part for part in body if part),
    )


def _tiles(results: Results) -> str:
    tiles = "".join(
        f'<div class="tile"><span>{escaped(tile.name)}</span><b>{escaped(tile.value)}</b>'
        f"<span>{escaped(tile.note)}</span></div>\n"
        for tile in highlights.tiles(results)
    )
    return f'<div class="tiles">\n{tiles}</div>' if tiles else ""


def _plots(results: Results) -> str:
    """Return every plot for which there are figures."""
    plots = []
    if series := highlights.chunk_series(results):
        plots.append(_plot("distributions", "How long a chunk takes", svg.distributions(series, "a chunk")))
        plots.append(_plot("spread", "How steady it is", svg.spread(series)))
    if bars := highlights.stage_bars(results):
        plots.append(_plot("stages", "Where the time goes", svg.breakdown(bars)))
    if points := highlights.sweep_points(results):
        plots.append(_plot("sweep", "Steps against accuracy", svg.accuracy(points)))
    if roofs := highlights.roofs(results):
        plots.append(_plot("roofline", "Share of what this machine can do", svg.roofline(roofs)))
    if late := highlights.lateness(results):
        plots.append(_plot("lateness", "How late ticks are", svg.distributions(late, "late")))
    plots.append(_scores(results))
    inside = "\n".join(plot for plot in plots if plot)
    return f'<div class="plots">\n{inside}\n</div>' if inside else ""


def _plot(name: str, caption: str, draw: svg.Draw) -> str:
    picture = svg.svg(name, caption, draw)
    return f'<figure id="plot-{name}"><figcaption>{caption}</figcaption>{picture}</figure>'


def _scores(results: Results) -> str:
    """Return the closed loop's scores as `bench.report.closed_loop_plot` draws them, if they are as it knows them."""
    if "loop" not in results.suites:
        return ""
    from bench.report.closed_loop_plot import draw
    from bench.suites.loop import LoopResult

    try:
        closed = TypeAdapter(LoopResult).validate_python(results.suites["loop"])
    except ValidationError:
        return ""
    caption = "The arcade's score against delay"
    picture = svg.svg("loop", caption, lambda figure: draw(figure, closed), (11, 4.6))
    return (
        f'<figure id="plot-loop" class="wide"><figcaption>{caption}</figcaption>'
        f'<div class="scroll">{picture}</div></figure>'
    )


def _budgets(outcomes: Sequence[Outcome]) -> str:
    told = [outcome for outcome in outcomes if outcome.verdict != "does not apply"]
    if not told:
        return ""
    rows: list[list[Cell]] = []
    for outcome in told:
        measured, limit = figures_of(outcome)
        verdict = f"{outcome.verdict}: {outcome.why}" if outcome.why else outcome.verdict
        kind = VERDICTS.get(outcome.verdict, "")
        rows.append([(title(outcome), ""), (measured, "number"), (limit, "number"), (verdict, kind)])
    notes = "".join(f'<p class="soft">{escaped(note)}</p>\n' for outcome in told if (note := remark(outcome)))
    return f"<h2>Budgets</h2>\n{table(('', 'measured', 'limit', ''), rows)}{notes}"


def heading(suite: str) -> str:
    """Return the heading of a suite's section."""
    title = OTHER_TITLES.get(suite) or suite_title(suite)
    return title[:1].upper() + title[1:]


def _suite(name: str, tables: str) -> str:
    title = f'{escaped(heading(name))} <span class="soft">{escaped(name)}</span>'
    return f"<section>\n<h2>{title}</h2>\n{tables}</section>"
