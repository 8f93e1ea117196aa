"""The rules: deterministic, the same alone and in a batch, fair on both sides."""

import numpy as np
import pytest

from ngrt.arcade.controls import COLUMNS, Controls, from_actions, from_pad, to_actions
from ngrt.arcade.level import BAR, FORK, GATE, NEVER, NONE, NOTICE, SPACING, TICKS, WAVE, draw_levels
from ngrt.arcade.world import (
    AIRBORNE,
    COAST,
    GATE_HALF,
    JUMP_CYCLE,
    PILLAR_HALF,
    SHIELDED,
    STATE,
    WALL,
    State,
    World,
    advance,
    airborne,
    clears,
    shielded,
)
from ngrt.messages import PadState


def random_play(seeds: list[int], ticks: int, seed: int = 0) -> World:
    """Play the same random controls in every episode."""
    random = np.random.default_rng(seed)
    world = World(seeds)
    for _ in range(ticks):
        stick, jump, shield = random.uniform(-1, 1), random.random() < 0.05, random.random() < 0.05
        world.step(np.tile([stick, jump, shield], (len(seeds), 1)))
    return world


def one(**values: float) -> State:
    """Return one state, zero but for ``values``."""
    state = np.zeros(1, STATE)
    for name, value in values.items():
        state[name] = value
    return state


def controls(stick: float = 0, jump: float = 0, shield: float = 0) -> Controls:
    return np.array([[stick, jump, shield]])


def test_the_same_seeds_and_controls_give_the_same_states() -> None:
    assert (random_play([3, 4], 400).state == random_play([3, 4], 400).state).all()


def test_another_seed_is_another_episode() -> None:
    state = random_play([3, 4], 400).state
    assert state[0] != state[1]


def test_a_batch_plays_as_its_episodes_do_alone() -> None:
    seeds = list(range(7))
    batch = random_play(seeds, TICKS).state
    assert batch["passed"].min() > 10
    for seed in seeds:
        assert random_play([seed], TICKS).state[0] == batch[seed]


def test_every_event_is_announced_and_none_overlaps_another() -> None:
    levels = draw_levels(range(200))
    gaps = np.diff(levels.times)[levels.times[:, 1:] < TICKS]
    assert gaps.min() >= SPACING[0] > NOTICE.max()
    assert (levels.times[:, 0] > NOTICE.max()).all()
    assert (levels.times[:, -1] == NEVER).all()


def test_forks_never_follow_forks_and_have_no_wind() -> None:
    levels = draw_levels(range(200))
    fork = levels.kinds == FORK
    assert fork.any()
    assert not (fork[:, 1:] & fork[:, :-1]).any()
    assert not levels.winds[fork].any()


def test_an_episode_lasts_twenty_seconds_and_scores_all_its_events() -> None:
    assert not random_play([1, 2, 3], TICKS - 1).done
    world = random_play([1, 2, 3], TICKS)
    assert world.done
    assert (world.state["passed"] == world.events).all()
    assert (world.scores == world.state["cleared"] / world.events).all()


def test_a_pillar_appears_where_the_ship_would_come_to_rest() -> None:
    world = World(range(300))
    seen = 0
    for _ in range(400):
        before = world.state["kind"].copy()
        world.step(np.tile([0.3, 0, 0], (300, 1)))
        new = (world.state["kind"] == FORK) & (before == NONE)
        rest = world.state["x"] + world.state["v"] * COAST
        inside = new & (np.abs(rest) < 60)
        assert world.state["where"][inside] == pytest.approx(rest[inside])
        seen += inside.sum()
    assert seen > 10


def mirrored(state: State) -> State:
    turned = state.copy()
    for name in ("x", "v", "wind", "where", "past_where"):
        turned[name] *= -1
    return turned


def test_physics_and_clearing_are_the_same_in_a_mirror() -> None:
    random = np.random.default_rng(2)
    state = random_play(list(range(50)), 300).state
    other = mirrored(state)
    for _ in range(40):
        pressed = random.uniform(-1, 1, (50, 3))
        advance(state, pressed)
        advance(other, pressed * (-1, 1, 1))
        assert (mirrored(state) == other).all()
        assert (clears(state) == clears(other)).all()


def test_a_gate_wants_the_ship_inside_and_a_pillar_outside() -> None:
    for off, gate, fork in ((0.0, True, False), (GATE_HALF + 1, False, False), (PILLAR_HALF + 1, False, True)):
        assert clears(one(kind=GATE, x=off))[0] == gate
        assert clears(one(kind=FORK, x=-off))[0] == fork


def test_a_bar_wants_a_jump_and_a_wave_a_shield() -> None:
    up = {"jump": JUMP_CYCLE, "shield": 0}
    assert clears(one(kind=BAR, **up))[0]
    assert not clears(one(kind=WAVE, **up))[0]
    down = {"jump": 0, "shield": JUMP_CYCLE}
    assert clears(one(kind=WAVE, **down))[0]
    assert not clears(one(kind=BAR, **down))[0]


def test_a_jump_lasts_and_must_recover_before_the_next() -> None:
    state = one()
    flying = []
    for _ in range(2 * JUMP_CYCLE + 2):
        advance(state, controls(jump=1))
        flying.append(bool(airborne(state)[0]))
    cycle = [True] * AIRBORNE + [False] * (JUMP_CYCLE + 1 - AIRBORNE)
    assert flying == cycle * 2
    assert not shielded(state)[0]


def test_a_shield_lasts_its_ticks() -> None:
    state = one()
    advance(state, controls(shield=1))
    up = 0
    while shielded(state)[0]:
        up += 1
        advance(state, controls())
    assert up == SHIELDED


def test_a_wall_stops_the_ship() -> None:
    state = one(x=WALL - 1)
    for _ in range(20):
        advance(state, controls(stick=1))
    assert state["x"][0] == WALL
    assert state["v"][0] < 1


def test_actions_decode_to_the_controls_they_were_made_of() -> None:
    random = np.random.default_rng(0)
    wanted = np.concatenate([random.uniform(-1, 1, (5, 18, 1)), random.integers(0, 2, (5, 18, 2))], -1)
    actions = to_actions(wanted)
    assert actions.shape == (5, 18, COLUMNS)
    assert from_actions(actions) == pytest.approx(wanted, abs=1e-6)


def test_a_pad_gives_the_controls_its_names_say() -> None:
    pad = PadState(frozenset({"SOUTH", "NORTH"}), (-0.5, 0.9), (1.0, 1.0))
    assert from_pad(pad).tolist() == [-0.5, 1, 0]
    assert from_pad(PadState(frozenset({"EAST"}))).tolist() == [0, 0, 1]
