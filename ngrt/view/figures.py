"""A session's figures in words: lines for the live view, one line for logs, a table for the end."""

from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ngrt.messages import STILL, Rumble
from ngrt.session.snapshot import Snapshot
from ngrt.text import printable

PLAIN, DIM, STRONG, TITLE = (Style.parse(text) for text in ("none", "dim", "bold", "bold bright_cyan"))
GOOD, WARN, BAD, BLOCKED, PERSON = (
    Style.parse(text) for text in ("green", "yellow", "bold red", "magenta", "bold bright_cyan")
)

Line = list[Segment]

BAR_COLUMNS = 26


def plain_line(shot: Snapshot) -> str:
    """Return ``shot`` in one line, for logs and pipes."""
    parts = [
        f"{shot.elapsed:.1f} s",
        f"rate {_hz(shot.rate_held)} of {shot.rate:g} Hz",
        f"chunk {_ms(shot.latency_p50)} (p99 {_ms(shot.latency_p99)})",
        f"age {_ms(shot.age_p50)} (p99 {_ms(shot.age_p99)})",
        f"frames {shot.frames} dropped {shot.dropped}",
        f"played {shot.played} held {shot.held} neutral {shot.neutral} missed {shot.missed}",
    ]
    if shot.blocked or shot.person:
        parts.append(f"blocked {shot.blocked} by hand {shot.person}")
    if shot.rumble != STILL:
        parts.append(rumble_text(shot.rumble))
    if shot.score is not None:
        parts.append(f"score {shot.score}")
    if shot.message is not None:
        parts.append(printable(shot.message))
    return "  ".join(parts)


def summary(shot: Snapshot) -> Table:
    """Return the session's figures as a table, for its end."""
    title = Text(printable(f"{shot.source}, played by {shot.policy}"))
    table = Table(show_header=False, title=title, title_justify="left")
    table.add_column(style="dim")
    table.add_column()
    table.add_row("played for", Text(printable(f"{shot.elapsed:.1f} s, pad {shot.pad_name}")))
    table.add_row("rate held", f"{_hz(shot.rate_held)} of {shot.rate:g} Hz, ticks {_ms(shot.late_p99)} late (p99)")
    table.add_row(
        "ticks", f"{shot.played:,} played, {shot.held:,} held, {shot.neutral:,} neutral, {shot.missed:,} missed"
    )
    if shot.blocked or shot.person:
        table.add_row("", f"{shot.blocked:,} blocked, {shot.person:,} by hand")
    table.add_row("chunks", f"{shot.chunks:,}; {shot.frames:,} frames seen, {shot.dropped:,} dropped")
    table.add_row("chunk latency", f"{_ms(shot.latency_p50)} median, {_ms(shot.latency_p99)} p99")
    delay = "-" if shot.delay is None else f"{shot.delay:.1f} ticks"
    table.add_row("frame to chunk", f"{delay} median; a frame may wait, and a chunk takes its latency")
    table.add_row("observation age", f"{_ms(shot.age_p50)} median, {_ms(shot.age_p99)} p99")
    table.add_row("stick movement", f"{_jump(shot.jump_inside)} a tick, {_jump(shot.jump_seam)} where chunks change")
    if shot.rumbles:
        table.add_row("force feedback", f"{shot.rumbles:,} times")
    if shot.score is not None:
        table.add_row("score", shot.score)
    return table


def rumble_text(rumble: Rumble) -> str:
    """Return how strongly the stronger of the pad's motors runs."""
    return f"rumble {max(rumble.strong, rumble.weak):.0%}"


def figure_lines(shot: Snapshot) -> list[Line]:
    """Return the most important figures in nine lines of at most 34 columns, coloured where they are bad."""
    ticks = max(1, shot.ticks)
    short = PLAIN if shot.rate_held is None else judge(1 - shot.rate_held / shot.rate, 0.02, 0.1, GOOD)
    held, neutral, missed = (judge(count / ticks, 0.01, 0.05) for count in (shot.held, shot.neutral, shot.missed))
    age = judge((shot.age_p99 or 0.0) / shot.max_age, 0.8, 1.0)
    lines = [
        line("rate    ", (f"{_hz(shot.rate_held)} Hz", short), f" of {shot.rate:g}"),
        line("chunk   ", (f"{_ms(shot.latency_p50):9}", STRONG), "p99 ", (_ms(shot.latency_p99), PLAIN)),
        line("age     ", (f"{_ms(shot.age_p50):9}", STRONG), "p99 ", (_ms(shot.age_p99), age)),
        line("frames  ", (f"{shot.frames:<9,}", STRONG), "dropped ", (f"{shot.dropped:,}", PLAIN)),
        line("ticks   ", *_shares(shot)),
        line("        ", (f"{shot.played:<6,}", STRONG), " played   ", (f"{shot.held:,}", held), " held"),
        line("        ", (f"{shot.neutral:<6,}", neutral), " neutral  ", (f"{shot.missed:,}", missed), " missed"),
    ]
    if shot.blocked or shot.person:
        blocked, person = (f"{shot.blocked:<6,}", BLOCKED), (f"{shot.person:,}", PERSON)
        lines.append(line("        ", blocked, " blocked  ", person, " by hand"))
    if shot.score is not None:
        lines.append(line("score   ", (shot.score, STRONG)))
    return lines + [[] for _ in range(9 - len(lines))]


def line(*parts: str | tuple[str, Style]) -> Line:
    """Return one line of text; parts without a style are dim."""
    return [Segment(part, DIM) if isinstance(part, str) else Segment(*part) for part in parts]


def judge(value: float, warn: float, bad: float, good: Style = PLAIN) -> Style:
    """Return the style of a figure that should be small."""
    return BAD if value > bad else WARN if value > warn else good


def clock(seconds: float) -> str:
    """Return minutes and seconds, and hours where there are any."""
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


def _shares(shot: Snapshot) -> list[tuple[str, Style]]:
    """Return a bar with the share of each kind of tick; each that occurred has at least one column."""
    if not shot.ticks:
        return [("─" * BAR_COLUMNS, DIM)]
    others = (
        (shot.held, WARN),
        (shot.person, PERSON),
        (shot.blocked, BLOCKED),
        (shot.neutral, BAD),
        (shot.missed, BAD),
    )
    bars = [("█" * max(1, round(count / shot.ticks * BAR_COLUMNS)), style) for count, style in others if count]
    left = BAR_COLUMNS - sum(len(bar) for bar, _ in bars)
    return [("█" * left, GOOD), *bars]


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def _jump(way: float | None) -> str:
    return "-" if way is None else f"{way:.3f}"


def _hz(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f}"
