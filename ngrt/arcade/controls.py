"""What the game reads from a gamepad: left stick x to steer, SOUTH to jump, EAST to shield.

Controls are (..., 3) float64: stick in [-1, 1], then jump and shield, 1 where pressed.
"""

import numpy as np
import numpy.typing as npt

from ngrt.messages import Array, PadState
from ngrt.policy.actions import BUTTONS_21, STICK_COLUMNS

Controls = npt.NDArray[np.float64]

JUMP = "SOUTH"
SHIELD = "EAST"
COLUMNS = len(BUTTONS_21) + STICK_COLUMNS
STICK_COLUMN = len(BUTTONS_21)
JUMP_COLUMN = BUTTONS_21.index(JUMP)
SHIELD_COLUMN = BUTTONS_21.index(SHIELD)


def from_pad(state: PadState) -> Controls:
    """Return the controls (3,) that a pad in ``state`` gives."""
    stick = min(max(state.left[0], -1.0), 1.0)
    return np.array([stick, JUMP in state.buttons, SHIELD in state.buttons], np.float64)


def from_actions(actions: Array) -> Controls:
    """Return the controls (..., 3) of raw model output (..., 25), read as `ngrt.policy.actions.decode` does."""
    controls = np.empty((*actions.shape[:-1], 3))
    controls[..., 0] = np.clip(2 * actions[..., STICK_COLUMN] - 1, -1, 1)
    controls[..., 1] = actions[..., JUMP_COLUMN] > 0.5
    controls[..., 2] = actions[..., SHIELD_COLUMN] > 0.5
    return controls


def to_actions(controls: Controls) -> Array:
    """Return the model's 25 columns (new layout) that decode to ``controls``; everything else at rest."""
    actions = np.zeros((*controls.shape[:-1], COLUMNS), np.float32)
    actions[..., -STICK_COLUMNS:] = 0.5
    actions[..., STICK_COLUMN] = (controls[..., 0] + 1) / 2
    actions[..., JUMP_COLUMN] = controls[..., 1]
    actions[..., SHIELD_COLUMN] = controls[..., 2]
    return actions
