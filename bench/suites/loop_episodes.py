"""The arcade played in closed loop and virtual time, many episodes at once: what delay and merging do to the score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ngrt.arcade.controls import Controls, from_actions
from ngrt.arcade.render import render
from ngrt.arcade.world import World
from ngrt.control.merging import Merging
from ngrt.control.timeline import BLEND_DECAY
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Array
from ngrt.policy.preprocess import to_side


@dataclass(frozen=True, slots=True)
class Setting:
    """One way of playing: ``delay`` ticks between a frame and its chunk, ``steps`` denoise steps."""

    merging: Merging
    delay: int
    steps: int

    @property
    def executed(self) -> int:
        """Rows played between two chunks (s): inference starts again as soon as it ends."""
        return max(self.delay, 1)


@dataclass(frozen=True, slots=True)
class Episodes:
    """How E episodes went, each a list of E.

    ``score`` events cleared of all; ``inside`` and ``seam`` how far the stick moves from tick to tick on average,
    within a chunk and where a new one takes over; ``starved`` share of ticks that no row was meant for.
    """

    score: list[float]
    forks_cleared: list[int]
    forks_passed: list[int]
    inside: list[float]
    seam: list[float]
    starved: list[float]

    def __add__(self, other: "Episodes") -> "Episodes":
        return Episodes(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def play(policy: EnginePolicy, setting: Setting, seeds: Sequence[int]) -> Episodes:
    """Play one episode for each of ``seeds``: the same seed brings the same events and the same noise."""
    world, player = World(seeds), _Player(policy, setting, seeds)
    tick = starved = 0
    stick, moves = np.zeros(len(seeds)), np.zeros((2, len(seeds)))
    counts = [0, 0]
    while not world.done:
        if tick % setting.executed == 0:
            player.think(world, tick)
        controls, fresh = player.controls(tick)
        if controls is None:
            controls = np.zeros((len(seeds), 3))
            starved += 1
        else:
            moves[fresh] += abs(controls[:, 0] - stick)
            counts[fresh] += 1
        stick = controls[:, 0]
        world.step(controls)
        tick += 1
    state = world.state
    inside, seam = (moves[kind] / max(1, counts[kind]) for kind in (0, 1))
    return Episodes(
        world.scores.tolist(),
        state["forks_cleared"].tolist(),
        state["forks_passed"].tolist(),
        inside.tolist(),
        seam.tolist(),
        [starved / tick] * len(seeds),
    )


class _Player:
    """Makes chunks and lays them over ticks, as the pipeline does with one episode."""

    def __init__(self, policy: EnginePolicy, setting: Setting, seeds: Sequence[int]) -> None:
        self._policy, self._setting = policy, setting
        self._random = [np.random.default_rng([seed, 1]) for seed in seeds]
        self._steady = self._draw()
        self._waits = setting.merging.mode == "lockstep"
        self._chunks: list[tuple[int, Array]] = []  # the tick of row 0, and actions (E, H, A); newest last

    def think(self, world: World, tick: int) -> None:
        """Make the chunk for what can be seen at ``tick``."""
        setting, policy = self._setting, self._policy
        side = policy.spec.image_size
        pictures = np.stack([to_side(image, side) for image in render(world.state)])[:, None]
        noise = self._steady if setting.merging.noise == "steady" else self._draw()
        guide = None
        if self._chunks:
            before, previous = self._chunks[-1]
            guide = setting.merging.guide(previous, tick - before, setting.delay, setting.steps)
        actions = policy.denoise(policy.observe_each(pictures), noise, setting.steps, guide)
        self._chunks.append((tick, actions))

    def controls(self, tick: int) -> tuple[Controls | None, int]:
        """Return the controls (E, 3) meant for ``tick``, None where there are none, and 1 where a new chunk begins."""
        delay = 0 if self._waits else self._setting.delay
        horizon = self._policy.spec.action_horizon
        self._chunks = [chunk for chunk in self._chunks if tick < chunk[0] + horizon]
        ready = [chunk for chunk in self._chunks if chunk[0] + delay <= tick]
        if not ready:
            return None, 0
        rows = [from_actions(actions[:, tick - first]) for first, actions in ready]
        controls = rows[-1]
        if self._setting.merging.mode == "blend":
            ages = np.array([ready[-1][0] - first for first, _ in ready])
            weights = np.exp(-BLEND_DECAY * ages)
            controls = controls.copy()
            controls[:, 0] = np.average([row[:, 0] for row in rows], axis=0, weights=weights)
        return controls, int(ready[-1][0] + delay == tick)

    def _draw(self) -> Array:
        spec = self._policy.spec
        shape = (spec.action_horizon, spec.action_dim)
        draws: list[npt.NDArray[np.float32]] = [random.standard_normal(shape, np.float32) for random in self._random]
        return np.stack(draws)
