"""The rules of the game, for many episodes at once. Deterministic: the same seeds and controls give the same states.

Positions are pixels from the middle of the field, speeds pixels a tick.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ngrt.arcade.controls import Controls
from ngrt.arcade.level import BAR, FORK, GATE, NONE, NOTICE, TICKS, draw_levels

SPEED = 3.0
"""Pixels a tick at full stick."""

RESPONSE = 0.15
"""Share of the difference to the wanted speed that the ship gains in a tick."""

COAST = 1 / RESPONSE
"""Ticks' worth of its speed that the ship still drifts when the stick is let go."""

WALL = 112.0
GATE_LIMIT = 60.0
"""A gate that would stand farther from the middle stands on the ship's other side."""

EVENT_LIMIT = 70.0
"""Farthest from the middle that a gate or pillar stands: there is a way past it on either side."""

GATE_HALF = 16.0
"""How far from a gate's middle the ship may pass."""

PILLAR_HALF = 28.0
"""How far from a pillar's middle the ship must pass."""

AIRBORNE, JUMP_CYCLE = 18, 40
SHIELDED, SHIELD_CYCLE = 16, 40
"""Ticks that a jump or shield lasts, and until the next can begin."""

STATE = np.dtype(
    [
        ("tick", np.int64),
        ("x", np.float64),
        ("v", np.float64),
        ("wind", np.float64),
        ("jump", np.int64),  # ticks until the next jump can begin
        ("shield", np.int64),
        ("kind", np.int64),  # of the event in sight, NONE where there is none
        ("left", np.int64),  # ticks until it reaches the ship
        ("where", np.float64),  # its middle
        ("past_kind", np.int64),  # the event before, while it leaves the picture
        ("past_left", np.int64),  # zero or less
        ("past_where", np.float64),
        ("past_cleared", np.bool_),
        ("cleared", np.int64),
        ("passed", np.int64),
        ("forks_cleared", np.int64),
        ("forks_passed", np.int64),
    ]
)
"""One episode's state: all that can be seen in its picture, and the score."""

State = npt.NDArray[np.void]
"""(E,) of `STATE`."""


class World:
    """E episodes side by side, one for each seed."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._levels = draw_levels(seeds)
        self.state: State = np.zeros(len(seeds), STATE)
        self.events = (self._levels.times < TICKS).sum(1)
        """(E,) events that each episode brings."""
        self._appear()

    @property
    def done(self) -> bool:
        """Whether the episodes have ended: all end together."""
        return bool(self.state["tick"][0] >= TICKS)

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(E,) events cleared of all that the episode brings."""
        return np.asarray(self.state["cleared"] / self.events)

    def step(self, controls: Controls) -> None:
        """Advance every episode by one tick with ``controls`` (E, 3)."""
        advance(self.state, controls)
        self._judge()
        self._appear()

    def _judge(self) -> None:
        """Score the events that reach the ship, and let them leave."""
        s = self.state
        now = (s["kind"] != NONE) & (s["left"] == 0)
        if not now.any():
            return
        cleared, forks = clears(s) & now, (s["kind"] == FORK) & now
        s["passed"] += now
        s["cleared"] += cleared
        s["forks_passed"] += forks
        s["forks_cleared"] += forks & cleared
        for name in ("kind", "left", "where"):
            s[f"past_{name}"] = np.where(now, s[name], s[f"past_{name}"])
        s["past_cleared"] = np.where(now, cleared, s["past_cleared"])
        s["kind"][now] = NONE

    def _appear(self) -> None:
        """Bring in the events whose notice begins: where they stand depends on the ship."""
        s, levels = self.state, self._levels
        rows = np.arange(len(s))
        event = s["passed"]
        kind, left = levels.kinds[rows, event], levels.times[rows, event] - s["tick"]
        new = (s["kind"] == NONE) & (left <= NOTICE[kind]) & (left > 0)
        if not new.any():
            return
        where = _place(s["x"] + s["v"] * COAST, levels.offsets[rows, event])
        for name, value in (("kind", kind), ("left", left), ("where", where), ("wind", levels.winds[rows, event])):
            s[name][new] = value[new]


def advance(state: State, controls: Controls) -> None:
    """Move the ships and events of ``state`` (E,) by a tick, in place; nothing is judged, nothing new appears."""
    s = state
    s["tick"] += 1
    s["v"] += (SPEED * np.clip(controls[:, 0], -1, 1) + s["wind"] - s["v"]) * RESPONSE
    s["x"] += s["v"]
    beyond = np.abs(s["x"]) > WALL
    s["x"] = np.clip(s["x"], -WALL, WALL)
    s["v"][beyond] = 0
    for name, pressed, cycle in (("jump", controls[:, 1], JUMP_CYCLE), ("shield", controls[:, 2], SHIELD_CYCLE)):
        begins = (s[name] == 0) & (pressed > 0.5)
        s[name] = np.where(begins, cycle, np.maximum(s[name] - 1, 0))
    s["left"] -= 1
    s["past_left"] -= 1


def airborne(state: State) -> npt.NDArray[np.bool_]:
    """Return whether each ship is off the ground."""
    return np.asarray(state["jump"] > JUMP_CYCLE - AIRBORNE)


def shielded(state: State) -> npt.NDArray[np.bool_]:
    """Return whether each ship's shield is up."""
    return np.asarray(state["shield"] > SHIELD_CYCLE - SHIELDED)


def clears(state: State) -> npt.NDArray[np.bool_]:
    """Return whether each ship would clear its event if that reached it now."""
    off = np.abs(state["x"] - state["where"])
    kinds = [state["kind"] == kind for kind in (GATE, FORK, BAR)]
    return np.select(kinds, [off <= GATE_HALF, off >= PILLAR_HALF, airborne(state)], shielded(state))


def _place(rest: npt.NDArray[np.float64], offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return where events stand: off where the ships come to rest, turned inward where that is too far out."""
    out = np.abs(rest + offsets) > GATE_LIMIT
    return np.clip(np.where(out, rest - offsets, rest + offsets), -EVENT_LIMIT, EVENT_LIMIT)
