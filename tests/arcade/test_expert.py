"""The scripted expert: good, fair to both sides, and true to its plans."""

import numpy as np
import pytest

from ngrt.arcade.expert import HORIZON, Expert, act, plan
from ngrt.arcade.level import FORK, TICKS
from ngrt.arcade.world import World, advance


def played(episodes: int, ticks: int = TICKS, seed: int = 0) -> tuple[World, Expert]:
    world, expert = World(range(episodes)), Expert(episodes, seed)
    for _ in range(ticks):
        world.step(expert.act(world))
    return world, expert


def test_the_expert_clears_nearly_everything() -> None:
    assert played(100)[0].scores.mean() >= 0.97


def test_the_expert_takes_both_sides_of_forks_about_equally() -> None:
    world, expert = World(range(100)), Expert(100, 0)
    right = left = 0
    for _ in range(TICKS):
        at = (world.state["kind"] == FORK) & (world.state["left"] == 1)
        right += (at & (world.state["x"] > world.state["where"])).sum()
        left += (at & (world.state["x"] < world.state["where"])).sum()
        world.step(expert.act(world))
    assert right + left > 400
    assert 0.4 < right / (right + left) < 0.6


def test_a_plan_has_a_row_for_each_of_the_next_ticks_and_changes_nothing() -> None:
    world, expert = played(10, 250)
    before = world.state.copy()
    rows = plan(world.state, expert.sides(world.state))
    assert rows.shape == (10, HORIZON, 3)
    assert (world.state == before).all()
    assert np.abs(rows[..., 0]).max() <= 1
    assert set(np.unique(rows[..., 1:])) <= {0.0, 1.0}


def test_a_plan_is_what_the_expert_then_does_while_nothing_new_appears() -> None:
    world, expert = played(40, 250)
    rows = plan(world.state, expert.sides(world.state))
    start = world.state.copy()
    same = np.ones(40, bool)
    for row in range(HORIZON):
        same &= (world.state["kind"] == start["kind"]) & (world.state["passed"] == start["passed"])
        done = expert.act(world)
        assert rows[same, row] == pytest.approx(done[same])
        world.step(done)
    assert same.sum() > 3


def test_a_plan_with_a_given_start_reacts_to_it() -> None:
    world, expert = played(10, 250)
    sides = expert.sides(world.state)
    start = np.full((10, HORIZON, 3), np.nan)
    start[:, :5] = (1.0, 0.0, 0.0)
    rows = plan(world.state, sides, start)
    assert (rows[:, :5] == (1.0, 0.0, 0.0)).all()
    state = world.state.copy()
    for row in range(5):
        advance(state, rows[:, row])
    assert rows[:, 5] == pytest.approx(act(state, sides))


def test_the_expert_turns_round_in_a_mirror() -> None:
    world, expert = played(60, 300)
    state = world.state
    mirror = state.copy()
    for name in ("x", "v", "wind", "where", "past_where"):
        mirror[name] *= -1
    sides = expert.sides(state)
    assert (plan(mirror, -sides) == plan(state, sides) * (-1, 1, 1)).all()


def test_delay_alone_costs_the_expert_little() -> None:
    """What chunks lose at 8 ticks of delay is lost by merging: a player who sticks to a side loses almost nothing."""
    delay, episodes = 8, 100
    world, expert = World(range(episodes)), Expert(episodes, 0)
    playing, coming = np.zeros((episodes, HORIZON, 3)), np.zeros((episodes, HORIZON, 3))
    for tick in range(TICKS):
        if tick % delay == 0:
            playing, coming = coming, plan(world.state, expert.sides(world.state))
        world.step(playing[:, delay + tick % delay])
    assert world.scores.mean() >= 0.97
