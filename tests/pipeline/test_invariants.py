"""What holds whatever the rates, latencies and ways of merging: whole sessions in virtual time, drawn at random."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np
import pytest
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ngrt.control.merging import Merging
from ngrt.control.timeline import Grid
from ngrt.interfaces import Observer
from ngrt.messages import NEUTRAL, Chunk, Guide, Image, Tick, TimedChunk
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.workers import InlineWorker, Worker
from ngrt.policy.actions import decode
from tests.pipeline.rig import Rig, Screen

HORIZON = 18


@dataclass
class Diary(Observer):
    """Forgets nothing."""

    ticks: list[tuple[Tick, int]] = field(default_factory=list)
    made: dict[int, TimedChunk] = field(default_factory=dict)

    def tick(self, tick: Tick, missed: int) -> None:
        self.ticks.append((tick, missed))

    def chunk(self, chunk: TimedChunk) -> None:
        self.made[chunk.id] = chunk


@dataclass
class Uneven(Rig):
    """Devices whose every call takes another time, over and over."""

    times: dict[str, list[float]] = field(default_factory=dict)
    diary: Diary = field(default_factory=Diary)
    start: float = 0.0

    def __post_init__(self) -> None:
        self.observers = (self.diary, *self.observers)

    def worker(self, name: str) -> Worker:
        """Return a worker that takes the next of its times."""
        times, calls = self.times.get(name) or [0.0], iter(range(10**9))
        return InlineWorker(lambda: times[next(calls) % len(times)], self.clock)


def numbered(frames: Sequence[Image], guide: Guide | None) -> Chunk:
    """Return a chunk whose row k moves the stick to k / 18."""
    actions = np.zeros((HORIZON, 25), np.float32)
    actions[:, -4:] = 0.5
    actions[:, -4] = 0.5 + np.arange(HORIZON) / HORIZON / 2
    return decode(actions, old_layout=False)


def session(rig: Uneven, control: Control) -> None:
    """Run one session in virtual time of its own."""

    async def play() -> None:
        rig.start = anyio.current_time()
        await rig.play(control)

    clock = trio.testing.MockClock(autojump_threshold=0)
    anyio.run(play, backend="trio", backend_options={"clock": clock})


durations = st.lists(st.floats(0, 0.4), min_size=1, max_size=6)
sessions = st.fixed_dictionaries(
    {
        "capture": durations,
        "infer": st.lists(st.floats(0.001, 0.6), min_size=1, max_size=6),
        "actuate": st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.004, 0.05]), min_size=1, max_size=5),
    }
)


def assert_own_row(tick: Tick, made: Mapping[int, TimedChunk], grid: Grid, merging: Merging) -> None:
    """Check that a tick plays a row that was meant for it, of a chunk that was there."""
    assert tick.chunk_id is not None
    assert tick.row is not None
    chunk = made[tick.chunk_id]
    assert grid.first_row_tick(chunk.captured) + tick.row == tick.index
    assert chunk.finished <= tick.sent + 1e-9
    if merging.mode != "blend":
        assert tick.state == chunk.chunk.pad(tick.row)


@settings(max_examples=30, deadline=None)
@given(
    times=sessions,
    rate=st.sampled_from([15.0, 60.0, 144.0]),
    interval=st.sampled_from([1 / 120, 1 / 60, 1 / 25, 1.0]),
    shift=st.integers(0, 3),
    hold=st.integers(0, 8),
    max_age=st.floats(0.05, 2),
    merging=st.sampled_from([Merging("replace"), Merging("rtc"), Merging("prefix", "steady"), Merging("blend")]),
)
def test_whatever_takes_how_long_every_tick_is_accounted_for_and_plays_its_own_row(
    times: dict[str, list[float]],
    rate: float,
    interval: float,
    shift: int,
    hold: int,
    max_age: float,
    merging: Merging,
) -> None:
    rig = Uneven(source=Screen(interval), predict=numbered, merging=merging, times=times)
    ticks = 100
    session(rig, Control(rate, ticks=ticks, hold=hold, max_age=max_age, shift=shift))
    diary, readings = rig.diary, rig.telemetry.read()
    grid = Grid(rig.start, 1 / rate, shift)
    # the sum of what ticks did is their number
    assert readings.played + readings.held + readings.neutral + readings.missed == ticks
    assert sum(1 + missed for _, missed in diary.ticks) == ticks
    # never a burst: no two ticks for one deadline, none before its own
    indices = [tick.index for tick, _ in diary.ticks]
    assert indices == sorted(set(indices))
    assert all(tick.sent >= tick.due - 1e-9 for tick, _ in diary.ticks)
    assert all(tick.late <= 1 / rate + 1e-6 for tick, _ in diary.ticks[:-1])
    for tick, _ in diary.ticks:
        if tick.source == "played":
            assert_own_row(tick, diary.made, grid, merging)
        assert (tick.state == NEUTRAL) if tick.source == "neutral" else (tick.age is not None and tick.age <= max_age)
    # chunks of one age: an older one never comes back
    ids = [tick.chunk_id for tick, _ in diary.ticks if tick.source == "played" and tick.chunk_id is not None]
    if shift == 0:
        assert ids == sorted(ids)
    # no more ticks are held in a row than allowed
    run = 0
    for tick, _ in diary.ticks:
        run = run + 1 if tick.source == "held" else 0
        assert run <= hold
    assert rig.pad.sent[-1][1] == NEUTRAL


@pytest.mark.parametrize("merging", [Merging("replace"), Merging("blend"), Merging("rtc"), Merging("prefix")])
def test_a_minute_at_sixty_hertz_takes_well_under_a_second_of_anybodys_time_and_bounded_memory(
    merging: Merging,
) -> None:
    rig = Uneven(predict=numbered, merging=merging, times={"infer": [0.07]})
    session(rig, Control(60, ticks=3600))
    assert rig.telemetry.read().played > 3550
    assert rig.telemetry.read().chunks == pytest.approx(60 / 0.07, rel=0.05)


def test_the_newest_frame_is_the_only_one_and_those_it_replaces_are_counted() -> None:
    rig = Uneven(source=Screen(1 / 240), predict=numbered, times={"infer": [0.1]})
    session(rig, Control(60, ticks=600))
    readings = rig.telemetry.read()
    ages = [chunk.started - chunk.captured for chunk in rig.diary.made.values()]
    assert max(ages) <= 1 / 240 + 1e-9
    assert readings.dropped == pytest.approx(2400 - readings.frames, abs=30)


def test_the_next_chunk_is_guided_by_the_one_before_and_knows_its_delay() -> None:
    guides: list[Guide | None] = []

    def note(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        guides.append(guide)
        return numbered(frames, guide)

    rig = Uneven(predict=note, merging=Merging("prefix"), times={"infer": [0.075]}, inference=0.075)
    session(rig, Control(60, ticks=600))
    assert guides[0] is None
    later = guides[5:]
    assert all(guide is not None for guide in later)
    pinned = {int(guide.weights.sum()) for guide in later if guide is not None}
    assert pinned <= {5, 6}
    diary = rig.diary
    for number, guide in enumerate(guides[1:60], start=1):
        assert guide is not None
        moved = round((diary.made[number].captured - diary.made[number - 1].captured) * 60)
        assert np.array_equal(guide.prior[: HORIZON - moved], diary.made[number - 1].chunk.actions[moved:])
