"""A person's own source and pad, played from Python."""

import threading

import anyio
import numpy as np
import pytest

import ngrt
from ngrt.errors import FeasibilityError, PadError, SettingsError, SourceError
from ngrt.fakes import FakePad, FakePolicy, FakeSource
from ngrt.interfaces import EndOfSource, Observer
from ngrt.messages import NEUTRAL, STILL, Frame, Image, PadState, Tick, TimedChunk


class Scroller:
    """A bright bar that moves to the right; at its end after ``pictures``."""

    name, interval, age = "scroller", 1 / 60, 0.0

    def __init__(self, pictures: int = 60) -> None:
        self.pictures, self.shown, self.closed = pictures, 0, False

    def grab(self, now: float) -> Image | None:
        if self.shown == self.pictures:
            raise EndOfSource
        self.shown += 1
        image = np.zeros((90, 160, 3), np.uint8)
        image[:, self.shown % 160] = 255
        return image

    def close(self) -> None:
        self.closed = True


class Log:
    """A pad that keeps what it is sent."""

    name, rumble = "log", STILL

    def __init__(self) -> None:
        self.sent: list[PadState] = []
        self.closed = False

    def send(self, state: PadState) -> None:
        self.sent.append(state)

    def close(self) -> None:
        self.closed = True


class Keeper(Observer):
    """Keeps all that it is told, with the thread in which it was."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.chunks: list[TimedChunk] = []
        self.ticks: list[Tick] = []
        self.threads: dict[str, set[str]] = {"frame": set(), "tick": set()}

    def frame(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.threads["frame"].add(threading.current_thread().name)

    def chunk(self, chunk: TimedChunk) -> None:
        self.chunks.append(chunk)

    def tick(self, tick: Tick, missed: int) -> None:
        self.ticks.append(tick)
        self.threads["tick"].add(threading.current_thread().name)


def test_a_source_and_a_pad_of_ones_own_are_played_to_the_end_and_left_to_their_owner() -> None:
    source, pad, policy, keeper = Scroller(), Log(), FakePolicy(), Keeper()
    figures = ngrt.play(policy, source, pad, rate=60, observers=[keeper])
    assert figures.policy == "fake policy, 16 steps, replace, steady noise"
    assert figures.played > 0
    assert figures.chunks == len(keeper.chunks) > 0
    assert figures.played == sum(tick.source == "played" for tick in keeper.ticks)
    assert pad.sent[-1] == NEUTRAL
    assert not source.closed
    assert not pad.closed
    assert not policy.closed


def test_an_observer_is_given_full_frames_with_their_times_in_the_threads_where_things_happen() -> None:
    keeper = Keeper()
    ngrt.play(FakePolicy(), Scroller(), Log(), observers=[keeper])
    assert [frame.id for frame in keeper.frames] == list(range(1, 61))
    assert all(frame.image.shape == (90, 160, 3) for frame in keeper.frames)
    assert all(
        before.captured < after.captured for before, after in zip(keeper.frames, keeper.frames[1:], strict=False)
    )
    known = {frame.id: frame.captured for frame in keeper.frames}
    assert all(chunk.frame_id in known for chunk in keeper.chunks)
    assert keeper.threads == {"frame": {"ngrt-capture"}, "tick": {"ngrt-actuate"}}


def test_a_duration_ends_it() -> None:
    figures = ngrt.play(FakePolicy(), FakeSource(60), Log(), duration=0.5, rate=60)
    assert figures.ticks == 30


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_it_plays_inside_a_running_event_loop_and_to_cancel_it_leaves_the_pad_neutral(backend: str) -> None:
    pad = Log()

    async def begun() -> None:
        while not pad.sent:
            await anyio.sleep(0.01)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: ngrt.play_async(FakePolicy(), FakeSource(60), pad))
            await begun()
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert pad.sent[-1] == NEUTRAL


def test_what_fails_is_raised_as_it_is_and_the_pad_is_neutral() -> None:
    pad = Log()
    with pytest.raises(SourceError, match="as it was told to"):
        ngrt.play(FakePolicy(), FakeSource(60, fail_at=20), pad)
    assert pad.sent[-1] == NEUTRAL
    with pytest.raises(PadError):
        ngrt.play(FakePolicy(), FakeSource(60), FakePad(fail_at=3))


def test_a_policy_that_is_too_slow_is_refused_before_anything_is_pressed() -> None:
    import time

    pad = Log()
    with pytest.raises(FeasibilityError, match="chunks of 18 rows allow 9"):
        ngrt.play(FakePolicy(0.05, time.sleep), FakeSource(60), pad, rate=500)
    assert pad.sent == []


def test_options_are_checked_by_name_and_value() -> None:
    with pytest.raises(SettingsError, match="ratte is not an option"):
        ngrt.play(FakePolicy(), FakeSource(60), Log(), ratte=3)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match=r"rate is -1"):
        ngrt.play(FakePolicy(), FakeSource(60), Log(), rate=-1)
    with pytest.raises(SettingsError, match="lockstep"):
        ngrt.play(FakePolicy(), FakeSource(60), Log(), chunking="lockstep")


def test_a_policy_that_takes_no_guide_is_merged_without_one_and_cannot_be_told_otherwise() -> None:
    keeper = Keeper()
    ngrt.play(FakePolicy(), Scroller(), Log(), observers=[keeper])
    assert all(chunk.guide is None for chunk in keeper.chunks)
    with pytest.raises(SettingsError, match="takes no guide; use --chunking replace"):
        ngrt.play(FakePolicy(), FakeSource(60), Log(), chunking="prefix")
