"""A scripted player: what it would do in the next ticks, from what can be seen now."""

import numpy as np
import numpy.typing as npt

from ngrt.arcade.controls import Controls
from ngrt.arcade.level import BAR, FORK, GATE, MOST, WAVE
from ngrt.arcade.world import COAST, JUMP_CYCLE, PILLAR_HALF, SHIELD_CYCLE, SPEED, State, World, advance

HORIZON = 18
REACH = 40.0
"""Pixels off target at which the stick is pushed fully. Gentle: a small picture shows no finer differences."""

DAMPING = 0.1
FORK_OFFSET = PILLAR_HALF + 22
COMMITTED = 16.0
"""Pixels off a pillar's middle at which a side is no longer open to choice: wide enough that who wavers crashes."""

HOME = 50.0
"""Farthest from the middle that the ship waits: any closer it stays where it is, so that a fork finds it at rest."""

PRESS = 10
"""Ticks before an event at which its button is pressed."""

HELD = 5
"""Ticks for which a button is held."""

Sides = npt.NDArray[np.float64]
"""(E,) -1 or 1: where to pass the fork in sight, should both ways be open."""


def act(state: State, sides: Sides) -> Controls:
    """Return the controls (E, 3) for ``state`` (E,)."""
    coming = state["left"] > 0
    rest = state["x"] + state["v"] * COAST
    off = rest - state["where"]
    side = np.where(np.abs(off) > COMMITTED, np.sign(off), sides)
    gate, fork = coming & (state["kind"] == GATE), coming & (state["kind"] == FORK)
    target = np.select([gate, fork], [state["where"], state["where"] + side * FORK_OFFSET], np.clip(rest, -HOME, HOME))
    stick = (target - state["x"]) / REACH - DAMPING * state["v"] - state["wind"] / SPEED
    near = coming & (state["left"] <= PRESS)
    jump = _press(near & (state["kind"] == BAR), state["jump"], JUMP_CYCLE)
    shield = _press(near & (state["kind"] == WAVE), state["shield"], SHIELD_CYCLE)
    return np.stack([np.clip(stick, -1, 1), jump, shield], -1)


def plan(state: State, sides: Sides, start: Controls | None = None, horizon: int = HORIZON) -> Controls:
    """Return the controls (E, horizon, 3) that the expert means to give from ``state`` on, should nothing new appear.

    ``start`` (E, horizon, 3): rows to take as they are instead, where they are not NaN: then the rest reacts to them.
    """
    ahead = state.copy()
    rows = np.empty((len(state), horizon, 3))
    for row in range(horizon):
        controls = act(ahead, sides)
        if start is not None:
            controls = np.where(np.isnan(start[:, row]), controls, start[:, row])
        rows[:, row] = controls
        advance(ahead, controls)
    return rows


class Expert:
    """Plays a world: keeps to a side of each fork, drawn from ``seed``."""

    def __init__(self, episodes: int, seed: int) -> None:
        self._sides = np.random.default_rng(seed).choice([-1.0, 1.0], (episodes, MOST))

    def sides(self, state: State) -> Sides:
        """Return the sides (E,) for the events in sight."""
        return np.asarray(self._sides[np.arange(len(state)), state["passed"]])

    def act(self, world: World) -> Controls:
        """Return the controls (E, 3) for the states of ``world``."""
        return act(world.state, self.sides(world.state))


def _press(wanted: npt.NDArray[np.bool_], counter: npt.NDArray[np.int64], cycle: int) -> npt.NDArray[np.bool_]:
    begins = counter == 0
    just_begun = counter > cycle - HELD
    return np.asarray(wanted & (begins | just_begun))
