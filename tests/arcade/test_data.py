"""What the policy learns from."""

import numpy as np
import pytest

from export.arcade.data import STALE_ROWS, ClumsyExpert, Moments, Samples, generate, label, pictures
from export.arcade.helper import TARGETS, visible
from ngrt.arcade.expert import HORIZON, Expert, plan
from ngrt.arcade.level import FORK, NOTICE
from ngrt.arcade.world import World


@pytest.fixture(scope="module")
def samples() -> Samples:
    return generate(3000, 1)


def test_the_same_seed_gives_the_same_samples() -> None:
    one, same, other = generate(50, 7), generate(50, 7), generate(50, 8)
    assert (one.states == same.states).all()
    assert (one.plans == same.plans).all()
    assert not (one.states == other.states).any()


def test_as_many_samples_come_as_were_asked_for(samples: Samples) -> None:
    assert len(samples) == len(samples.states) == 3000
    assert samples.plans.shape == (3000, HORIZON, 3)
    assert not np.isnan(samples.plans).any()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_the_share_of_stale_starts_is_what_was_asked_for(share: float) -> None:
    stale = generate(2000, 3, stale_share=share).stale
    assert (stale > 0).mean() == pytest.approx(share, abs=0.04)
    assert stale.max() <= STALE_ROWS


def test_every_length_of_stale_start_is_in_the_default_data(samples: Samples) -> None:
    assert 0.2 <= (samples.stale > 0).mean() <= 0.5
    assert set(np.unique(samples.stale)) == set(range(STALE_ROWS + 1))


def test_a_stale_label_begins_with_the_rows_an_earlier_plan_has_for_these_ticks() -> None:
    world, expert, ago = World(range(30)), Expert(30, 0), 6
    while world.state["tick"][0] < 200:
        world.step(expert.act(world))
    before, sides_before = world.state.copy(), expert.sides(world.state)
    for _ in range(ago):
        world.step(np.tile([0.7, 0.0, 0.0], (30, 1)))
    sides = expert.sides(world.state)
    plans = label(Moments(world.state, sides, before, sides_before, np.full(30, ago))).plans
    earlier, fresh = plan(before, sides_before), plan(world.state, sides)
    assert (plans[:, :ago] == earlier[:, ago : 2 * ago]).all()
    assert (plans[:, ago:] != earlier[:, ago:]).any()
    assert (plans[:, :ago] != fresh[:, :ago]).any()


def test_a_fresh_label_is_the_plan() -> None:
    world, expert = World(range(5)), Expert(5, 0)
    sides = expert.sides(world.state)
    plans = label(Moments(world.state, sides, world.state, sides, np.zeros(5, np.int64))).plans
    assert (plans == plan(world.state, sides)).all()


def test_the_data_have_every_event_both_sides_of_forks_and_recoveries(samples: Samples) -> None:
    states = samples.states
    assert set(np.unique(states["kind"])) == set(range(len(NOTICE)))
    centred = (states["kind"] == FORK) & (np.abs(states["x"] - states["where"]) < 6) & (states["left"] > 30)
    means = samples.plans[centred, 10:, 0].mean(-1)
    assert (means > 0.2).any()
    assert (means < -0.2).any()
    assert (states["cleared"] < states["passed"]).any()


def test_a_fumbling_expert_still_clears_most_events() -> None:
    world = World(range(30))
    player = ClumsyExpert(30, np.random.default_rng(0))
    while not world.done:
        world.step(player.act(world))
    assert 0.6 < world.scores.mean() < 0.99


def test_pictures_come_in_the_size_of_the_tower(samples: Samples) -> None:
    assert pictures(samples.states[:3], 96).shape == (3, 96, 96, 3)


def test_the_helper_is_asked_for_small_numbers(samples: Samples) -> None:
    targets = visible(samples.states)
    assert targets.shape == (len(samples), TARGETS)
    assert targets.abs().max() < 3
    assert (targets.std(0) > 0.02).all()
