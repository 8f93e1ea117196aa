"""What the tasks pass to each other: frozen, timestamped, never changed after they are sent.

All times are seconds on the session's monotonic clock.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""(height, width, 3) uint8, RGB."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the game and when it was taken."""

    id: int
    captured: float
    image: Image


@dataclass(frozen=True, slots=True)
class PadState:
    """What a gamepad's buttons and sticks are doing. The default is neutral.

    Sticks are (x, y) in [-1, 1] with y growing downward, as in the model; a pad whose device counts upward negates y.
    Triggers are the buttons LEFT_TRIGGER and RIGHT_TRIGGER, released or fully pulled.
    """

    buttons: frozenset[str] = frozenset()
    left: tuple[float, float] = (0.0, 0.0)
    right: tuple[float, float] = (0.0, 0.0)


NEUTRAL = PadState()


@dataclass(frozen=True, slots=True)
class Rumble:
    """How strongly a game runs a pad's two motors, each in [0, 1]. The default is still."""

    strong: float = 0.0
    weak: float = 0.0


STILL = Rumble()


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A horizon of future pad states, predicted from one observation.

    ``actions`` (H, A) float32: the model's raw output; ``j_left`` and ``j_right`` (H, 2) float32 in [-1, 1], y growing
    downward; ``buttons`` (H, A-4) uint8, 1 where pressed, in the order of ``button_names``.
    """

    actions: Array
    j_left: Array
    j_right: Array
    buttons: npt.NDArray[np.uint8]
    button_names: tuple[str, ...] = field(repr=False)

    @property
    def horizon(self) -> int:
        """How many rows the chunk has (H)."""
        return len(self.actions)

    def pad(self, row: int) -> PadState:
        """Return row ``row`` as a pad state, without the columns that are no buttons of a pad."""
        pressed = zip(self.button_names, self.buttons[row], strict=True)
        left, right = self.j_left[row], self.j_right[row]
        return PadState(
            frozenset(name for name, down in pressed if down and name not in STICK_REPEATS),
            (float(left[0]), float(left[1])),
            (float(right[0]), float(right[1])),
        )


STICK_REPEATS = frozenset({"RIGHT_BOTTOM", "RIGHT_LEFT", "RIGHT_RIGHT", "RIGHT_UP"})
"""Button columns of the model that repeat the right stick; they never reach a pad."""


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """Pulls a chunk towards earlier actions while it is denoised; `ngrt.policy.bundle` has the formula.

    ``prior`` (..., H, A): the raw actions to pull towards; ``weights`` (H,): how much each row is pulled, in [0, 1];
    ``strengths`` (N,): how strong the pull is at each denoise step.
    """

    prior: Array
    weights: Array
    strengths: Array


@dataclass(frozen=True, slots=True)
class TimedChunk:
    """A chunk with its times: when its frame was captured, inference started, and the chunk was ready.

    ``guide``: what pulled it towards the chunk before, None for no guide.
    """

    id: int
    frame_id: int
    chunk: Chunk
    captured: float
    started: float
    finished: float
    guide: Guide | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """What one control tick did.

    ``source``: "played" (the row meant for this tick), "held" (the last state again), "neutral" (nothing valid),
    "blocked" (neutral, because a guard forbids play) or "person" (a person plays). ``age``: seconds since the capture
    of the frame behind the state. ``rumble``: how strongly the game ran the pad's motors. ``note``: why a guard took
    the pad, "" if none did. ``meant``: the state that the policy had for this tick, even if it was not played; None
    where it had no row.
    """

    index: int
    due: float
    sent: float
    state: PadState
    source: str
    chunk_id: int | None = None
    row: int | None = None
    frame_id: int | None = None
    age: float | None = None
    rumble: Rumble = STILL
    note: str = ""
    meant: PadState | None = None

    @property
    def late(self) -> float:
        """Seconds between the deadline and the pad update."""
        return self.sent - self.due


@dataclass(frozen=True, slots=True)
class Verdict:
    """A guard's answer: who has the pad, and why (``note``).

    ``source``: "blocked" (the pad is neutral), "person" (the pad does ``state``, as the person's own pad) or "policy"
    (the policy plays on; ``note`` is for people to read).
    """

    source: Literal["blocked", "person", "policy"]
    note: str
    state: PadState = NEUTRAL
