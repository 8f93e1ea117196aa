"""Training data: states that a clumsy player reaches, each with the plan that the expert makes from there.

States are kept, not pictures: a picture is drawn when it is needed.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ngrt.arcade.controls import Controls
from ngrt.arcade.expert import HORIZON, PRESS, Expert, Sides, plan
from ngrt.arcade.level import TICKS
from ngrt.arcade.render import render
from ngrt.arcade.world import WALL, State, World
from ngrt.messages import Image
from ngrt.policy.preprocess import to_side

STALE_SHARE = 0.35
"""Share of the labels that start with rows of an earlier plan, as chunks do when inference takes time."""

STALE_ROWS = HORIZON // 2
"""Most rows of an earlier plan: one that was made k ticks ago gives rows k to 2k - 1."""

EPISODES_AT_ONCE = 1024


@dataclass(frozen=True)
class Moments:
    """N states ``now``, and the states ``before``, ``stale`` ticks earlier, each with the sides intended then (N,)."""

    now: State
    sides: Sides
    before: State
    sides_before: Sides
    stale: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """N states and the plans made from them: ``plans`` (N, 18, 3) controls, ``stale`` (N,) rows of an earlier plan."""

    states: State
    plans: Controls
    stale: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.states)


def generate(count: int, seed: int, stale_share: float = STALE_SHARE, every: int = 6) -> Samples:
    """Return ``count`` samples in random order, about one every ``every`` ticks of an episode."""
    random = np.random.default_rng(seed)
    parts: list[Samples] = []
    while sum(map(len, parts)) < count:
        episodes = min(EPISODES_AT_ONCE, 1 + 2 * every * count // TICKS)
        seeds = random.integers(2**40, 2**41, episodes)  # far from the seeds that people and tests use
        moments = list(_play(World(seeds.tolist()), random, stale_share, every))
        parts.append(label(Moments(*_join(moments))))
    everything = Samples(*_join(parts))
    order = random.permutation(len(everything))[:count]
    return Samples(everything.states[order], everything.plans[order], everything.stale[order])


def pictures(states: State, side: int) -> npt.NDArray[np.uint8]:
    """Return (N, side, side, 3) uint8 RGB: the pictures of ``states`` that the policy sees."""
    images: list[Image] = [to_side(image, side) for image in render(states)]
    return np.stack(images)


class ClumsyExpert:
    """An expert with shaky hands, who presses late or without need, so that the data show how to recover."""

    def __init__(self, episodes: int, random: np.random.Generator) -> None:
        self._random = random
        self._expert = Expert(episodes, int(random.integers(2**32)))
        self._shake = np.zeros(episodes)
        self._strength = random.uniform(0, 0.35, episodes)
        self._patience = random.integers(0, PRESS, episodes)

    def sides(self, state: State) -> Sides:
        """Return the sides (E,) on which it intends to pass forks."""
        return self._expert.sides(state)

    def act(self, world: World) -> Controls:
        """Return controls (E, 3): the expert's with errors added."""
        random, episodes = self._random, len(world.state)
        controls = self._expert.act(world)
        self._shake += -self._shake / 12 + self._strength * random.standard_normal(episodes)
        controls[:, 0] = np.clip(controls[:, 0] + self._shake, -1, 1)
        redrawn = random.random(episodes) < 1 / 60
        self._strength = np.where(redrawn, random.uniform(0, 0.35, episodes), self._strength)
        self._patience = np.where(redrawn, random.integers(0, PRESS, episodes), self._patience)
        late = world.state["left"] > PRESS - self._patience
        for column in (1, 2):
            pressed = controls[:, column] * ~late
            controls[:, column] = np.maximum(pressed, random.random(episodes) < 1 / 150)
        return controls


def _play(world: World, random: np.random.Generator, stale_share: float, every: int) -> Iterator[Moments]:
    episodes = len(world.state)
    player = ClumsyExpert(episodes, random)
    world.state["x"] = random.uniform(-WALL / 2, WALL / 2, episodes)
    past: deque[tuple[State, Sides]] = deque(maxlen=STALE_ROWS + 1)
    while not world.done:
        past.appendleft((world.state.copy(), player.sides(world.state)))
        picked = np.flatnonzero(random.random(episodes) < 1 / every)
        stale = random.integers(1, STALE_ROWS, len(picked), endpoint=True) * (random.random(len(picked)) < stale_share)
        stale = np.minimum(stale, len(past) - 1)
        states, sides = (np.stack(each) for each in zip(*past, strict=True))
        yield Moments(states[0, picked], sides[0, picked], states[stale, picked], sides[stale, picked], stale)
        world.step(player.act(world))


def label(moments: Moments) -> Samples:
    """Return the plans: rows k to 2k - 1 of the plan made k ticks before, then what the expert does after them."""
    rows = np.arange(HORIZON)[None]
    earlier = plan(moments.before, moments.sides_before)
    shifted = np.minimum(rows + moments.stale[:, None], HORIZON - 1)
    start = np.take_along_axis(earlier, shifted[..., None], 1)
    start[rows >= moments.stale[:, None]] = np.nan
    return Samples(moments.now, plan(moments.now, moments.sides, start), moments.stale)


def _join(parts: Sequence[Moments] | Sequence[Samples]) -> Iterator[Any]:
    """Return the fields of ``parts``, each joined end to end."""
    for field in fields(parts[0]):
        yield np.concatenate([getattr(part, field.name) for part in parts])
