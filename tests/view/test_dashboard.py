"""The live view, from what it draws to how it gives way on small and colourless terminals."""

import io
import re
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ngrt.messages import PadState, Rumble
from ngrt.session.snapshot import Snapshot
from ngrt.view.dashboard import plain_line, render, summary

Colors = Literal["256", "standard", "truecolor"]

PICTURE = np.zeros((256, 256, 3), np.uint8)
PICTURE[:128, :128] = (200, 40, 40)
PICTURE[:128, 128:] = (40, 200, 40)
PICTURE[128:, :128] = (40, 40, 200)

SHOT = Snapshot(
    source="video clip.mp4",
    policy="nitrogen",
    pad_name="none (recording only)",
    rate=60,
    elapsed=72.5,
    duration=100,
    picture=PICTURE,
    pad=PadState(frozenset({"SOUTH"}), (1.0, 0.0)),
    rate_held=59.94,
    latency_p50=0.042,
    latency_p99=0.055,
    age_p50=0.061,
    age_p99=0.088,
    frames=1700,
    dropped=34,
    chunks=1699,
    played=4300,
    held=30,
    neutral=12,
    missed=8,
    score="1,250",
)


def drawn(shot: Snapshot, width: int = 120, height: int = 40, colors: Colors | None = "truecolor") -> str:
    """Return what a terminal of that size is sent."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=colors, width=width, height=height, _environ={})
    console.print(render(shot), end="")
    return file.getvalue()


def text_of(sent: str) -> list[str]:
    """Return the lines without escape codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", sent).splitlines()


@pytest.mark.parametrize("colors", ["truecolor", "256", "standard", None])
@pytest.mark.parametrize(
    ("width", "height"),
    [(200, 60), (120, 40), (80, 24), (100, 15), (60, 20), (50, 30), (40, 12), (34, 8), (20, 5), (1, 1)],
)
def test_it_fits_any_terminal(width: int, height: int, colors: Colors | None) -> None:
    lines = text_of(drawn(SHOT, width, height, colors))
    assert 1 <= len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height", "rows"), [(120, 40, 32), (80, 24, 20), (60, 20, 11), (200, 60, 32)])
def test_the_picture_is_square_and_as_large_as_fits(width: int, height: int, rows: int) -> None:
    lines = text_of(drawn(SHOT, width, height))
    pictured = [line for line in lines if line.startswith("▀" * 2 * rows + "  ")]
    assert len(pictured) == rows


def test_the_picture_has_the_colours_that_the_policy_sees() -> None:
    text = Text.from_ansi(drawn(SHOT, 80, 24))
    lines = text.split()
    for row, column, color in ((3, 0, "c82828"), (3, 39, "28c828"), (22, 0, "2828c8"), (22, 39, "000000")):
        style = lines[row].get_style_at_offset(Console(), column)
        assert style.color is not None
        assert style.bgcolor is not None
        assert style.color.get_truecolor().hex == style.bgcolor.get_truecolor().hex == f"#{color}"


def test_a_terminal_without_colours_is_sent_none() -> None:
    assert not re.search(r"\x1b\[[0-9;]*[349][0-9]", drawn(SHOT, colors=None))


def test_no_color_in_the_environment_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="truecolor", width=80, height=24)
    console.print(render(SHOT))
    assert not re.search(r"\x1b\[[0-9;]*[34]8;", file.getvalue())
    assert "▀" not in file.getvalue()


def test_before_the_first_frame_it_says_so() -> None:
    assert any("no frame yet" in line for line in text_of(drawn(replace(SHOT, picture=None))))


def test_the_figures_that_matter_are_there() -> None:
    shown = "\n".join(text_of(drawn(SHOT, 80, 24)))
    names = ("video clip.mp4", "nitrogen", "none (recording only)", "1:12 / 1:40")
    figures = ("59.9 Hz of 60", "42 ms", "55 ms", "61 ms", "88 ms", "1,700", "dropped 34")
    ticks = ("4,300", "30 held", "12", "8 missed", "1,250")
    for part in names + figures + ticks:
        assert part in shown


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"rate_held": 59.9}, "\x1b[32m59.9 Hz"),
        ({"rate_held": 57.0}, "\x1b[33m57.0 Hz"),
        ({"rate_held": 40.0}, "\x1b[1;31m40.0 Hz"),
        ({"age_p99": 0.12}, "p99 \x1b[0m120 ms"),
        ({"age_p99": 0.22}, "\x1b[33m220 ms"),
        ({"age_p99": 0.31}, "\x1b[1;31m310 ms"),
        ({"age_p99": 0.31, "max_age": 1.0}, "p99 \x1b[0m310 ms"),
        ({"missed": 77}, "\x1b[33m77"),
        ({"missed": 777}, "\x1b[1;31m777"),
    ],
)
def test_a_figure_shows_when_it_is_bad(change: dict[str, Any], shown: str) -> None:
    assert shown in drawn(replace(SHOT, **change), 80, 24)


def test_a_message_takes_the_last_line() -> None:
    lines = text_of(drawn(replace(SHOT, message="the game has lost the focus")))
    assert lines[-1].startswith("the game has lost the focus")


def test_a_message_from_elsewhere_cannot_steer_the_terminal() -> None:
    sly = replace(SHOT, message="\x1b[2Jgame.exe lost the focus", pad_name="\x1b]0;pad")
    assert "\x1b[2J" not in drawn(sly)
    assert "\x1b]0" not in drawn(sly)
    assert "\x1b" not in plain_line(sly)


TAKEN = replace(SHOT, blocked=120, person=1300, rumble=Rumble(0.2, 0.75), rumbles=9, message="Xbox pad plays")


@pytest.mark.parametrize(("width", "height"), [(112, 36), (80, 24)])
def test_ticks_that_a_guard_or_a_person_had_and_force_feedback_are_shown_and_all_ticks_make_up_the_bar(
    width: int, height: int
) -> None:
    lines = text_of(drawn(TAKEN, width, height))
    assert any("120    blocked  1,300 by hand" in line for line in lines)
    assert any(line.rstrip().endswith("rumble 75%") for line in lines)
    assert lines[-1].startswith("Xbox pad plays")
    assert sum(line.count("█") for line in lines if "ticks" in line) == 26
    assert TAKEN.ticks == 4300 + 30 + 12 + 8 + 120 + 1300


def test_force_feedback_is_seen_however_long_the_pads_name_is() -> None:
    lines = text_of(drawn(replace(TAKEN, pad_name="a pad with a name that is longer than its column"), 80, 24))
    assert lines[2].endswith(" rumble 75%")
    assert cell_len(lines[2]) == 80


def test_where_nobody_takes_the_pad_nothing_is_said_of_it() -> None:
    shown = "\n".join(text_of(drawn(SHOT)))
    assert not any(word in shown for word in ("blocked", "by hand", "rumble"))


def test_the_plain_line_and_the_summary_have_them_too() -> None:
    assert "missed 8  blocked 120 by hand 1300  rumble 75%  score 1,250  Xbox pad plays" in plain_line(TAKEN)
    file = io.StringIO()
    Console(file=file, width=100).print(summary(TAKEN))
    assert "120 blocked, 1,300 by hand" in file.getvalue()
    assert "9 times" in file.getvalue()


def test_updates_on_a_live_display_do_not_scroll() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="truecolor", width=80, height=24)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        file.truncate(0)
        live.update(render(SHOT), refresh=True)
        sent = file.getvalue()
    assert sent.count("\n") == 23


def test_a_view_is_few_segments_and_few_bytes() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=120, height=40)
    assert len(list(console.render(render(SHOT)))) < 400
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    assert len(drawn(replace(SHOT, picture=noise)).encode()) < 120_000


def test_the_plain_line_is_one_line_with_every_figure() -> None:
    assert plain_line(SHOT) == (
        "72.5 s  rate 59.9 of 60 Hz  chunk 42 ms (p99 55 ms)  age 61 ms (p99 88 ms)  frames 1700 dropped 34  "
        "played 4300 held 30 neutral 12 missed 8  score 1,250"
    )


def test_the_plain_line_starts_with_nothing_known() -> None:
    line = plain_line(Snapshot(source="arcade", policy="arcade", pad_name="arcade", rate=30, message="warming up"))
    assert line == (
        "0.0 s  rate - of 30 Hz  chunk - (p99 -)  age - (p99 -)  frames 0 dropped 0  "
        "played 0 held 0 neutral 0 missed 0  warming up"
    )


def test_the_summary_is_plain_text_where_it_is_piped() -> None:
    file = io.StringIO()
    Console(file=file, width=100).print(summary(SHOT))
    text = file.getvalue()
    assert "\x1b" not in text
    for part in ("video clip.mp4", "72.5 s", "59.9 of 60 Hz", "4,300 played", "34 dropped", "55 ms p99", "1,250"):
        assert part in text
