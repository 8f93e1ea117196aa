"""Observers: told of everything, and unable to slow or end a session."""

import threading
from collections.abc import Callable

import anyio
import numpy as np
import pytest

from ngrt.interfaces import Observer
from ngrt.messages import NEUTRAL, Frame, PadState, Tick, TimedChunk, Verdict
from ngrt.pipeline import observer as observing
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.observer import Observers, Queued
from ngrt.pipeline.telemetry import Telemetry
from tests.patience import HANG
from tests.pipeline.rig import Rig, Screen, always_south

FRAME = Frame(1, 0.0, np.zeros((4, 4, 3), np.uint8))
TICK = Tick(0, 0.0, 0.0, NEUTRAL, "neutral")


class Keeper(Observer):
    """Keeps all that it is told, as an observer that records would."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.starts: list[tuple[Frame, int]] = []
        self.chunks: list[TimedChunk] = []
        self.ticks: list[tuple[Tick, int]] = []
        self.texts: list[str] = []

    def frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def observation(self, frame: Frame, dropped: int) -> None:
        self.starts.append((frame, dropped))

    def chunk(self, chunk: TimedChunk) -> None:
        self.chunks.append(chunk)

    def tick(self, tick: Tick, missed: int) -> None:
        self.ticks.append((tick, missed))

    def note(self, text: str) -> None:
        self.texts.append(f"note {text}")

    def event(self, text: str) -> None:
        self.texts.append(f"event {text}")


class Failing(Keeper):
    """Fails at its ``at``th tick."""

    def __init__(self, at: int, error: BaseException) -> None:
        super().__init__()
        self._at, self._error = at, error

    def tick(self, tick: Tick, missed: int) -> None:
        super().tick(tick, missed)
        if len(self.ticks) == self._at:
            raise self._error


class Large(Screen):
    """Shows pictures that have to be shrunk."""

    def grab(self, now: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
        image = super().grab(now)
        return None if image is None else np.full((720, 1280, 3), image[0, 0, 0], np.uint8)


@pytest.mark.anyio
async def test_a_recorder_has_all_that_happened_and_it_fits_together() -> None:
    keeper = Keeper()
    rig = Rig(source=Large(), observers=[keeper])
    await rig.play(Control(rate=60, ticks=300))
    readings = rig.telemetry.read()
    assert sum(1 + missed for _, missed in keeper.ticks) == 300
    assert len(keeper.chunks) == readings.chunks > 50
    assert all(frame.image.shape == (720, 1280, 3) for frame in keeper.frames)
    assert all(frame.image.shape == (256, 256, 3) for frame, _ in keeper.starts)
    full = {frame.id: frame for frame in keeper.frames}
    for chunk in keeper.chunks:
        assert full[chunk.frame_id].captured == chunk.captured <= chunk.started <= chunk.finished
    made = {chunk.id: chunk for chunk in keeper.chunks}
    played = [tick for tick, _ in keeper.ticks if tick.source == "played"]
    for tick in played:
        assert tick.chunk_id is not None
        assert tick.row is not None
        assert tick.meant == made[tick.chunk_id].chunk.pad(tick.row)
    assert keeper.starts[-1][1] == readings.dropped > 0
    assert len(played) > 250


@pytest.mark.anyio
async def test_what_the_policy_meant_is_told_while_a_person_has_the_pad() -> None:
    class Hands:
        def poll(self, now: float) -> Verdict | None:
            return Verdict("person", "a person plays", PadState(frozenset({"EAST"})))

        def close(self) -> None:
            """Nothing to close."""

    keeper = Keeper()
    rig = Rig(predict=always_south, watches=[Hands()], observers=[keeper])
    await rig.play(Control(rate=60, ticks=120))
    late = [tick for tick, _ in keeper.ticks[60:]]
    assert {tick.source for tick in late} == {"person"}
    assert all(tick.state.buttons == {"EAST"} for tick in late)
    assert all(tick.meant is not None and tick.meant.buttons == {"SOUTH"} for tick in late)


@pytest.mark.anyio
@pytest.mark.parametrize("error", [ValueError("disk full"), SystemExit(3)])
async def test_an_observer_that_fails_is_let_go_of_and_said_so_and_the_session_goes_on(error: BaseException) -> None:
    failing, keeper = Failing(30, error), Keeper()
    rig = Rig(observers=[failing, keeper])
    await rig.play(Control(rate=60, ticks=120))
    assert len(failing.ticks) == 30
    assert len(keeper.ticks) == 120
    said = [text for text in keeper.texts if text.startswith("event observer Failing failed")]
    assert len(said) == 1
    assert type(error).__name__ in said[0]
    assert any("observer Failing failed" in text for text in rig.telemetry.read().recent)


def test_all_are_told_in_their_order_and_the_same() -> None:
    told: list[str] = []

    class Named(Observer):
        def __init__(self, name: str) -> None:
            self.name = name

        def event(self, text: str) -> None:
            told.append(f"{self.name} {text}")

    Observers([Named("one"), Named("two")]).event("x")
    assert told == ["one x", "two x"]


def test_a_queued_observer_is_told_everything_in_order_in_a_thread_of_its_own() -> None:
    class Thread(Keeper):
        def tick(self, tick: Tick, missed: int) -> None:
            super().tick(tick, missed)
            names.add(threading.current_thread().name)

    names: set[str] = set()
    keeper = Thread()
    with Queued(keeper) as queued:
        for index in range(1000):
            queued.tick(Tick(index, 0.0, 0.0, NEUTRAL, "neutral"), 0)
        queued.frame(FRAME)
        queued.note("trouble")
        queued.event("it happened")
    assert [tick.index for tick, _ in keeper.ticks] == list(range(1000))
    assert keeper.frames == [FRAME]
    assert keeper.texts == ["note trouble", "event it happened"]
    assert names == {"ngrt-observer"}
    assert queued.dropped.total() == 0


class Stuck(Keeper):
    """Does not return from its first frame before it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def frame(self, frame: Frame) -> None:
        self.entered.set()
        self.go_on.wait(HANG)
        super().frame(frame)


def test_what_waits_too_long_is_dropped_and_counted_by_kind_and_nothing_is_held_up() -> None:
    stuck = Stuck()
    queued = Queued(stuck)
    queued.frame(FRAME)
    assert stuck.entered.wait(HANG)
    for _ in range(100):
        queued.frame(FRAME)
        queued.tick(TICK, 0)
    assert queued.dropped["frame"] == 100 - (observing.MOST_WAITING["frame"] - 1)
    assert queued.dropped["tick"] == 0
    stuck.go_on.set()
    queued.close()
    assert len(stuck.frames) == observing.MOST_WAITING["frame"]
    assert len(stuck.ticks) == 100


def test_closing_does_not_wait_for_ever_for_an_observer_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "CLOSING", 0.05)
    stuck = Stuck()
    queued = Queued(stuck)
    queued.frame(FRAME)
    queued.close()
    queued.close()
    stuck.go_on.set()


def test_a_queued_observer_that_fails_is_let_go_of_by_the_session() -> None:
    failing, telemetry = Failing(1, OSError("disk full")), Telemetry()
    queued = Queued(failing)
    hub = Observers([telemetry, queued])
    hub.tick(TICK, 0)
    _until(lambda: queued.failed)
    hub.tick(TICK, 0)
    hub.tick(TICK, 0)
    queued.close()
    assert len(failing.ticks) == 1
    assert "observer Failing failed and is told nothing more: OSError: disk full" in telemetry.read().recent[-1]


def _until(true: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(int(HANG * 100)):
        if true():
            return
        waited.wait(0.01)
    raise AssertionError("it hangs")


@pytest.mark.anyio
async def test_a_queued_observer_that_hangs_slows_no_tick() -> None:
    stuck, keeper = Stuck(), Keeper()
    queued = Queued(stuck)
    rig = Rig(observers=[queued, keeper])
    with anyio.fail_after(HANG):
        await rig.play(Control(rate=60, ticks=600))
    assert sum(1 + missed for _, missed in keeper.ticks) == 600
    assert max(tick.late for tick, _ in keeper.ticks) < 1e-6
    assert queued.dropped["frame"] > 0
    stuck.go_on.set()
    queued.close()
