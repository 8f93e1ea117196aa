"""The live view: the frame that the policy sees, beside it the pad and the most important figures."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from ngrt.messages import STILL
from ngrt.session.snapshot import Snapshot
from ngrt.text import printable
from ngrt.view.figures import (
    DIM,
    STRONG,
    TITLE,
    WARN,
    Line,
    clock,
    figure_lines,
    line,
    plain_line,
    rumble_text,
    summary,
)
from ngrt.view.pad import draw_pad, pad_labels
from ngrt.view.painting import fit, paint

__all__ = ["Dashboard", "plain_line", "render", "summary"]

MOST_PICTURE_ROWS, LEAST_PICTURE_ROWS = 32, 8
"""Rows of the picture, two pixels each; more rows would only cost time and bandwidth."""

MOST_PAD_ROWS, LEAST_PAD_ROWS = 16, 9
FIGURE_ROWS = 9

SIDE = 36
"""Fewest columns for the pad and the figures."""

GAP = 2
FRAME_ROWS = 4
"""The two head lines, the captions and the foot line."""

LEAST_WIDTH, LEAST_HEIGHT = 34, FRAME_ROWS + 4
"""A terminal smaller than this gets one plain line."""


def render(snapshot: Snapshot) -> "Dashboard":
    """Return the live view of ``snapshot``; it fills the terminal that it is printed on, large or small."""
    return Dashboard(snapshot)


class Dashboard:
    """A rich renderable, made of segments directly: a table or layout would take longer than the picture."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the view, line by line."""
        width, height = options.max_width, options.height or console.height
        if width < LEAST_WIDTH or height < LEAST_HEIGHT:
            yield Segment(plain_line(self._snapshot)[:width])
            return
        colors = None if console.no_color or options.ascii_only else console.color_system
        for number, segments in enumerate(self._lines(width, height, colors)):
            if number:
                yield Segment.line()
            yield from Segment.adjust_line_length(segments, width)

    def _lines(self, width: int, height: int, colors: str | None) -> Iterator[Line]:
        shot = self._snapshot
        yield _title(shot, width)
        yield _progress(shot, width)
        rows = min(MOST_PICTURE_ROWS, height - FRAME_ROWS, (width - GAP - SIDE) // 2)
        columns = 2 * rows + GAP if rows >= LEAST_PICTURE_ROWS else 0  # pixels are square: two to a cell's height
        body = self._side(width - columns, rows if columns else height - FRAME_ROWS, colors)
        if columns:
            yield [*line(f"{'the policy sees':{columns}}"), *_caption(shot, width - columns)]
            body = [
                [picture, Segment(" " * GAP), *side]
                for picture, side in zip(self._picture(rows, colors), body, strict=True)
            ]
        else:
            yield _caption(shot, width)
        yield from body
        if shot.message is not None:
            yield line((printable(shot.message), WARN))
        else:
            yield line("Ctrl-C stops and leaves the pad neutral")

    def _picture(self, rows: int, colors: str | None) -> list[Segment]:
        columns = 2 * rows
        if self._snapshot.picture is not None:
            return paint(fit(self._snapshot.picture, rows, columns), colors)
        waiting = {rows // 2: "no frame yet"}
        return [Segment(f"{waiting.get(row, ''):^{columns}}", DIM) for row in range(rows)]

    def _side(self, width: int, rows: int, colors: str | None) -> list[Line]:
        """Return ``rows`` lines: the pad where there is room for it, then the figures."""
        lines: list[Line] = []
        pad_rows = min(MOST_PAD_ROWS, width // 3, rows - FIGURE_ROWS)
        if pad_rows >= LEAST_PAD_ROWS:
            columns = 3 * pad_rows
            image = draw_pad(self._snapshot.pad, 2 * pad_rows, columns)
            labels = pad_labels(self._snapshot.pad, pad_rows, columns)
            lines += [[row] for row in paint(image, colors, labels)]
        if lines and rows > len(lines) + FIGURE_ROWS:
            lines.append([])
        lines += figure_lines(self._snapshot)
        return (lines + [[] for _ in range(rows)])[:rows]


def _title(shot: Snapshot, width: int) -> Line:
    time = clock(shot.elapsed) + ("" if shot.duration is None else f" / {clock(shot.duration)}")
    names = line(("ngrt  ", TITLE), (printable(shot.source), STRONG), "  played by  ", (printable(shot.policy), STRONG))
    return [*Segment.adjust_line_length(names, max(0, width - len(time) - 1)), Segment(f" {time}", STRONG)]


def _caption(shot: Snapshot, width: int) -> Line:
    """Return the pad's name, and beside it how strongly the game shakes it."""
    name = line(f"the pad: {printable(shot.pad_name)}")
    if shot.rumble == STILL:
        return name
    shaken = f" {rumble_text(shot.rumble)}"
    return [*Segment.adjust_line_length(name, max(0, width - len(shaken))), Segment(shaken, STRONG)]


def _progress(shot: Snapshot, width: int) -> Line:
    done = round(min(1.0, shot.elapsed / shot.duration) * width) if shot.duration else 0
    return line(("━" * done, TITLE), "─" * (width - done))
