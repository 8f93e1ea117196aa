"""From the model's action columns to the pad: order, clipping, thresholds, the menu lock."""

from dataclasses import replace

import numpy as np

from ngrt.messages import Array, Chunk, PadState

MENU_BUTTONS = frozenset({"BACK", "START", "GUIDE"})
STICK_COLUMNS = 4

BUTTONS_21 = (
    "BACK", "DPAD_DOWN", "DPAD_LEFT", "DPAD_RIGHT", "DPAD_UP", "EAST", "GUIDE", "LEFT_SHOULDER", "LEFT_THUMB",
    "LEFT_TRIGGER", "NORTH", "RIGHT_BOTTOM", "RIGHT_LEFT", "RIGHT_RIGHT", "RIGHT_SHOULDER", "RIGHT_THUMB",
    "RIGHT_TRIGGER", "RIGHT_UP", "SOUTH", "START", "WEST",
)  # fmt: skip
BUTTONS_17 = tuple(name for name in BUTTONS_21 if not name.startswith("RIGHT_") or name[6:] in
                   {"SHOULDER", "THUMB", "TRIGGER"})  # fmt: skip
BUTTON_NAMES = {len(names) + STICK_COLUMNS: names for names in (BUTTONS_21, BUTTONS_17)}
"""Button names in column order, by the number of action columns (25 or 21)."""


def decode(actions: Array, *, old_layout: bool = False) -> Chunk:
    """Turn raw model output (H, A) into a chunk: sticks clip(2v - 1, -1, 1), buttons pressed where v > 0.5."""
    sticks = slice(0, STICK_COLUMNS) if old_layout else slice(-STICK_COLUMNS, None)
    buttons = slice(STICK_COLUMNS, None) if old_layout else slice(0, -STICK_COLUMNS)
    axes = np.clip(2 * actions[:, sticks] - 1, -1, 1)
    pressed = (actions[:, buttons] > 0.5).astype(np.uint8)
    return Chunk(actions, axes[:, :2], axes[:, 2:], pressed, BUTTON_NAMES[actions.shape[1]])


def lock_menus(state: PadState) -> PadState:
    """Return ``state`` without the buttons that open menus, so that a policy cannot leave the game."""
    if MENU_BUTTONS.isdisjoint(state.buttons):
        return state
    return replace(state, buttons=state.buttons - MENU_BUTTONS)
