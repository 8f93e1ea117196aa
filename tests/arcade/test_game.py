"""The live game: it waits for nobody, and is the stepped game for the same pad."""

import threading

import numpy as np
import pytest

from ngrt.arcade.controls import from_pad
from ngrt.arcade.game import CATCH_UP, Arcade
from ngrt.arcade.level import RATE, TICKS
from ngrt.arcade.render import render
from ngrt.arcade.world import World
from ngrt.interfaces import FrameSource, Pad
from ngrt.messages import NEUTRAL, PadState
from tests.closing import closes_with_its_block, either_way

JUMP_RIGHT = PadState(frozenset({"SOUTH"}), (1.0, 0.0))


class Time:
    """A clock that is moved by hand, in updates of the game."""

    def __init__(self) -> None:
        self.ticks = 0.0

    def __call__(self) -> float:
        return 1000 + self.ticks / RATE


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def arcade(time: Time) -> Arcade:
    game = Arcade(5, time)
    game.source.grab(time())
    return game


def test_it_is_a_frame_source_and_a_pad(arcade: Arcade) -> None:
    source: FrameSource = arcade.source
    pad: Pad = arcade.pad
    assert source.name == pad.name == "arcade"
    assert source.interval == pytest.approx(1 / 60)


def test_the_live_game_is_the_stepped_game_for_the_same_pad(arcade: Arcade, time: Time) -> None:
    random, world = np.random.default_rng(0), World([5])
    for _ in range(200):
        state = PadState(frozenset(random.choice(["SOUTH", "EAST"], 1).tolist()), (float(random.uniform(-1, 1)), 0))
        arcade.pad.send(state)
        wait = int(random.integers(0, 6))
        time.ticks += wait
        for _ in range(wait):
            world.step(from_pad(state)[None])
        image = arcade.source.grab(time())
        if wait:
            assert image is not None
            assert (image == render(world.state)[0]).all()
    assert arcade.updates == time.ticks
    assert arcade.score.passed == world.state["passed"][0] > 5


def test_it_runs_on_while_nobody_plays(arcade: Arcade, time: Time) -> None:
    time.ticks += 30
    arcade.pad.send(NEUTRAL)
    assert arcade.updates == 30


def test_the_same_update_is_shown_once(arcade: Arcade, time: Time) -> None:
    assert arcade.source.grab(time()) is None
    time.ticks += 0.5
    assert arcade.source.grab(time()) is None
    time.ticks += 0.5
    assert arcade.source.grab(time()) is not None


def test_a_picture_is_not_changed_by_later_play(arcade: Arcade, time: Time) -> None:
    time.ticks += 1
    image = arcade.source.grab(time())
    assert image is not None
    kept = image.copy()
    time.ticks += 20
    arcade.source.grab(time())
    assert (image == kept).all()


def test_a_new_episode_begins_after_twenty_seconds_with_the_next_seed(arcade: Arcade, time: Time) -> None:
    world = World([6])
    for _ in range(TICKS // 10):
        time.ticks += 10
        arcade.source.grab(time())
    ended = arcade.score
    assert ended.episodes == 1
    assert ended.passed > 15
    assert ended.forks_passed > 0
    time.ticks += 1
    world.step(np.zeros((1, 3)))
    image = arcade.source.grab(time())
    assert image is not None
    assert (image == render(world.state)[0]).all()


def test_a_machine_that_slept_does_not_play_what_it_missed(arcade: Arcade, time: Time) -> None:
    time.ticks += 3600 * RATE
    arcade.source.grab(time())
    assert arcade.updates == CATCH_UP
    assert arcade.skipped == 3600 * RATE - CATCH_UP
    time.ticks += 1
    arcade.source.grab(time())
    assert arcade.updates == CATCH_UP + 1


def test_a_clock_that_goes_back_stops_the_game_for_that_time(arcade: Arcade, time: Time) -> None:
    time.ticks += 10
    arcade.pad.send(NEUTRAL)
    time.ticks -= 5
    arcade.pad.send(NEUTRAL)
    assert arcade.updates == 10


def test_a_closed_pad_lets_go(arcade: Arcade, time: Time) -> None:
    arcade.pad.send(JUMP_RIGHT)
    arcade.pad.close()
    arcade.pad.close()
    arcade.source.close()
    time.ticks += 30
    moved = arcade.source.grab(time())
    still = World([5])
    for _ in range(30):
        still.step(np.zeros((1, 3)))
    assert moved is not None
    assert (moved == render(still.state)[0]).all()


def test_the_score_in_words_counts_events(arcade: Arcade, time: Time) -> None:
    assert arcade.describe_score() is None
    for _ in range(50):
        time.ticks += 10
        arcade.source.grab(time())
    score = arcade.score
    assert arcade.describe_score() == f"{score.cleared} of {score.passed} cleared ({score.share:.0%})"


def test_grabbing_and_playing_from_two_threads_loses_no_update(arcade: Arcade, time: Time) -> None:
    def press() -> None:
        for _ in range(300):
            arcade.pad.send(JUMP_RIGHT)

    thread = threading.Thread(target=press)
    thread.start()
    for _ in range(200):
        time.ticks += 1
        arcade.source.grab(time())
    thread.join()
    assert arcade.updates == 200


@either_way
@pytest.mark.parametrize("part", ["source", "pad"])
def test_a_with_closes_its_source_and_its_pad(
    arcade: Arcade, part: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes_with_its_block(lambda: getattr(arcade, part), fails, monkeypatch)
