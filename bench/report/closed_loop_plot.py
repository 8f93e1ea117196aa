"""The closed loop's score against delay, a line for every way of merging."""

import io
from pathlib import Path
from typing import Any

from bench.suites.loop import LoopResult, by_name
from ngrt.errors import MissingExtraError
from ngrt.files import write_whole

COLORS = {"lockstep": "#888888", "replace": "#d62728", "blend": "#ff7f0e", "prefix": "#2ca02c"}
GUIDED = ("#9ecae1", "#6baed6", "#3182bd", "#08519c")
"""rtc, darker the stronger it pulls."""


def plot(result: LoopResult, path: Path) -> None:
    """Write the plot to the PNG or SVG file at ``path``, all of it or nothing.

    :raises MissingExtraError: matplotlib is not installed
    :raises ngrt.errors.SettingsError: the file cannot be written
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "matplotlib", "bench") from error
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    draw(figure, result)
    with io.BytesIO() as buffer:
        figure.savefig(buffer, format=path.suffix.lstrip(".") or "png", dpi=110)
        write_whole(path, buffer.getvalue())


def draw(figure: Any, result: LoopResult) -> None:
    """Draw the scores into a matplotlib ``figure``, wide enough for two panels."""
    panels = figure.subplots(1, 2, sharey=True)
    named = by_name(result.delays)
    for panel, noise in zip(panels, ("fresh", "steady"), strict=True):
        shades = iter(GUIDED)
        for name, cells in named.items():
            merging = next(iter(cells.values())).setting.merging
            if merging.noise != noise:
                continue
            delays = sorted(cells)
            panel.errorbar(
                delays,
                [cells[delay].score for delay in delays],
                [cells[delay].half_width for delay in delays],
                label=name.partition(",")[0],
                color=COLORS.get(merging.mode) or next(shades),
                linestyle="--" if merging.mode == "lockstep" else "-",
                marker=".",
                capsize=2,
                linewidth=1.4,
                elinewidth=0.7,
            )
        panel.set_title(f"{noise} noise", loc="left", fontsize=10)
        panel.set_xlabel("delay in ticks of 1/60 s")
        panel.set_xticks(sorted({cell.setting.delay for cell in result.delays}))
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("events cleared, share of all (95% intervals)")
    panels[1].legend(frameon=False, fontsize=9, loc="lower left")
