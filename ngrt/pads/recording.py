"""A pad without a device: it only records what it was sent."""

from collections import deque

from ngrt.messages import NEUTRAL, STILL, PadState
from ngrt.resource import Resource

KEPT = 3600
"""States kept: a minute at 60 Hz."""


class RecordingPad(Resource):
    """Keeps the newest ``kept`` states in ``states``, oldest first, and counts all of them in ``count``."""

    name = "none (recording only)"
    rumble = STILL

    def __init__(self, kept: int = KEPT) -> None:
        self.states: deque[PadState] = deque(maxlen=kept)
        self.count = 0

    @property
    def state(self) -> PadState:
        """What the pad is doing now."""
        return self.states[-1] if self.states else NEUTRAL

    def send(self, state: PadState) -> None:
        """Record ``state``."""
        self.states.append(state)
        self.count += 1

    def close(self) -> None:
        """Leave the pad neutral."""
        if self.state != NEUTRAL:
            self.send(NEUTRAL)
