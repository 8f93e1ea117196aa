"""The policy's score in lockstep: the game waits for each chunk, as in the reference's loop."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from export.arcade.data import pictures
from export.model import NitroGen
from ngrt.arcade.controls import Controls, from_actions
from ngrt.arcade.expert import Expert
from ngrt.arcade.world import State, World

Planner = Callable[[State], Controls]
"""From states (E,) to controls (E, rows, 3)."""


def lockstep(planner: Planner, seeds: Sequence[int], execute: int) -> World:
    """Play one episode for each seed, ``execute`` rows of every plan; return the world at its end."""
    world = World(seeds)
    while not world.done:
        for controls in planner(world.state)[:, :execute].swapaxes(0, 1):
            world.step(controls)
    return world


def expert_scores(seeds: Sequence[int]) -> npt.NDArray[np.float64]:
    """Return the scores (E,) of the scripted expert."""
    world, expert = World(seeds), Expert(len(seeds), 0)
    while not world.done:
        world.step(expert.act(world))
    return world.scores


def torch_planner(model: NitroGen, steps: int, seed: int) -> Planner:
    """Return a planner that runs ``model``, with fresh noise from ``seed`` each time."""
    random = torch.Generator().manual_seed(seed)
    config = model.config

    @torch.inference_mode()
    def plan(state: State) -> Controls:
        frames = torch.from_numpy(pictures(state, config.tower.image_size))[:, None]
        context = model.encode(frames)
        x = torch.randn(len(state), config.model.action_horizon, config.model.action_dim, generator=random)
        for step in range(steps):
            t = torch.full((len(state),), step * config.model.num_timestep_buckets // steps)
            x = x + model.velocity(x, t, context) / steps
        return from_actions(x.numpy())

    return plan
