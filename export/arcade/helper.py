"""An auxiliary head that predicts the game's state from the context: it teaches the tower to see.

Without it, training learned the buttons and not the steering. The head is never saved.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ngrt.arcade.level import FORK, GATE, NONE, NOTICE
from ngrt.arcade.world import GATE_LIMIT, JUMP_CYCLE, SHIELD_CYCLE, SPEED, WALL, State

KINDS = len(NOTICE)
TARGETS = 11 + KINDS


def visible(state: State) -> Tensor:
    """Return (N, TARGETS) float32, each around one or less: everything that can be seen in ``state``."""
    seen = state["kind"] != NONE
    steers = (state["kind"] == GATE) | (state["kind"] == FORK)
    off = (state["where"] - state["x"]) * steers
    columns = [
        state["x"] / WALL,
        state["v"] / SPEED,
        state["wind"],
        state["jump"] / JUMP_CYCLE,
        state["jump"] == 0,
        state["shield"] / SHIELD_CYCLE,
        state["shield"] == 0,
        state["left"] * seen / NOTICE.max(),
        state["where"] * steers / GATE_LIMIT,
        off / GATE_LIMIT,
        np.tanh(off / 10),
        *(state["kind"] == kind for kind in range(KINDS)),
    ]
    return torch.tensor(np.stack(columns, -1), dtype=torch.float32)


class Helper(nn.Module):
    """From the context (B, L, width) to (B, TARGETS). It gets only the mean, so each token must say where it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 256), nn.GELU(), nn.Linear(256, TARGETS))

    def forward(self, context: Tensor) -> Tensor:
        """Return the prediction (B, TARGETS)."""
        predicted: Tensor = self.layers(context.mean(1))
        return predicted
