"""Small messages for tests."""

import numpy as np

from ngrt.messages import TimedChunk
from ngrt.policy.actions import decode


def chunk_of(
    first_row_button: str | None = None, *, captured: float = 0.0, horizon: int = 18, number: int = 0
) -> TimedChunk:
    """Return a chunk whose row k has the left stick at x = k / horizon."""
    actions = np.zeros((horizon, 25), np.float32)
    actions[:, -4:] = 0.5
    actions[:, -4] = 0.5 + np.arange(horizon) / horizon / 2
    chunk = decode(actions, old_layout=False)
    if first_row_button is not None:
        actions[0, chunk.button_names.index(first_row_button)] = 1
        chunk = decode(actions, old_layout=False)
    return TimedChunk(number, number, chunk, captured, captured, captured)
