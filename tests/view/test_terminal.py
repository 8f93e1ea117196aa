"""What suits a stream that takes few characters."""

import io
import unicodedata

import pytest
from rich.console import Console

from ngrt.session.snapshot import Snapshot
from ngrt.view.dashboard import render
from ngrt.view.figures import summary
from ngrt.view.terminal import LINES, READABLE, make_readable

SHOT = Snapshot(
    source="video Pokémon “日本”…", policy="tiny", pad_name="none", rate=60.0, elapsed=1.0, duration=9.0, played=7
)
ENCODINGS = ["ascii", "cp437", "latin-1", "cp1252", "koi8-r", "shift_jis", "utf-8"]


def printed(encoding: str, what: object) -> str:
    """Return what reaches a log of that encoding."""
    log = io.BytesIO()
    file = io.TextIOWrapper(log, encoding=encoding)
    make_readable(file)
    Console(file=file, width=80, height=30, color_system=None).print(what)
    return log.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_takes_all_that_is_told(encoding: str) -> None:
    text = printed(encoding, summary(SHOT))
    assert "7 played" in text
    assert "Pok" in text
    assert "…" in text if encoding == "utf-8" else "?" not in text


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1"])
def test_the_live_view_is_drawn_in_characters_that_are_there_and_lines_keep_their_width(encoding: str) -> None:
    view = printed(encoding, render(SHOT)).splitlines()
    assert "=" * 8 in view[1]
    assert {len(line) for line in view[1:]} == {80}


def test_boxes_and_bars_are_spelled_in_one_column_and_letters_so_that_none_is_mistaken() -> None:
    bars = "".join(map(chr, LINES))
    assert len(bars.encode("ascii", READABLE)) == len(bars)
    assert "━─│┼█".encode("ascii", READABLE) == b"=-|+#"
    assert "é日…".encode("ascii", READABLE) == b"\\xe9\\u65e5..."
    assert unicodedata.name("━") == "BOX DRAWINGS HEAVY HORIZONTAL"


def test_what_cannot_be_decoded_is_an_error_still() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", READABLE)
