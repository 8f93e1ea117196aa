"""The timeline: every row to its own tick."""

from hypothesis import given
from hypothesis import strategies as st

from ngrt.control.timeline import Grid, Timeline
from ngrt.messages import TimedChunk
from tests.control.builders import chunk_of

DT = 1 / 60


def test_row_zero_belongs_to_the_tick_nearest_its_frame() -> None:
    timeline = Timeline(Grid(10.0, DT))
    timeline.add(chunk_of(captured=10.0 + 5.3 * DT))
    row = timeline.at(5)
    assert row is not None
    assert row.index == 0


def test_a_late_chunk_starts_with_the_row_of_the_tick_that_is_due() -> None:
    timeline = Timeline(Grid(0.0, DT))
    timeline.add(chunk_of(captured=0.0))
    row = timeline.at(7)
    assert row is not None
    assert row.index == 7


def test_a_chunk_has_no_row_past_its_horizon() -> None:
    timeline = Timeline(Grid(0.0, DT))
    timeline.add(chunk_of(captured=0.0, horizon=18))
    assert timeline.at(17) is not None
    assert timeline.at(18) is None


def test_where_chunks_overlap_the_newest_counts() -> None:
    timeline = Timeline(Grid(0.0, DT))
    timeline.add(chunk_of(captured=0.0, number=1))
    timeline.add(chunk_of(captured=4 * DT, number=2))
    row = timeline.at(6)
    assert row is not None
    assert (row.chunk.id, row.index) == (2, 2)


def test_until_a_shifted_chunk_begins_the_older_one_goes_on() -> None:
    timeline = Timeline(Grid(0.0, DT, shift=3))
    timeline.add(chunk_of(captured=0.0, number=1))
    timeline.add(chunk_of(captured=4 * DT, number=2))
    before, after = timeline.at(6), timeline.at(7)
    assert before is not None
    assert after is not None
    assert (before.chunk.id, before.index) == (1, 3)
    assert (after.chunk.id, after.index) == (2, 0)


@given(
    captures=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    horizon=st.integers(1, 40),
    rate=st.floats(5, 240),
    shift=st.integers(0, 5),
)
def test_a_tick_never_plays_a_row_of_another_tick(captures: list[float], horizon: int, rate: float, shift: int) -> None:
    timeline = Timeline(Grid(0.0, 1 / rate, shift))
    waiting = sorted(captures)
    for tick in range(int(rate * 1.5)):
        while waiting and waiting[0] <= tick / rate:
            timeline.add(chunk_of(captured=waiting.pop(0), horizon=horizon))
        if (row := timeline.at(tick)) is not None:
            assert 0 <= row.index < horizon
            meant = row.chunk.captured + (row.index + shift) / rate
            assert abs(meant - tick / rate) <= 0.5 / rate + 1e-9


@given(st.integers(1, 200))
def test_memory_stays_bounded_however_many_chunks_come(count: int) -> None:
    timeline = Timeline(Grid(0.0, DT))
    kept: list[TimedChunk] = []
    for number in range(count):
        timeline.add(chunk_of(captured=number * DT, number=number, horizon=4))
        timeline.at(number)
        kept = timeline._chunks
    assert len(kept) == 1
