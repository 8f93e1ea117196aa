"""A session at one moment, and the role that shows it."""

from dataclasses import dataclass
from typing import Protocol

from ngrt.messages import NEUTRAL, STILL, Image, PadState, Rumble


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session at one moment. Times in seconds, rates in Hz; None while there is no figure yet.

    ``picture`` (256, 256, 3) uint8 RGB: the newest frame that the policy was given. ``pad``: the pad's state now.
    ``frames``: how many frames the policy was given; ``dropped``: how many were replaced by newer ones before that.
    ``max_age``: the limit on an observation's age. ``delay``: ticks from capture to chunk. ``jump_inside`` and
    ``jump_seam``: mean movement of the sticks from tick to tick, inside a chunk and where a new one takes over.
    ``message``: what is wrong, or who has the pad. ``events``: how many events were logged; ``recent``: the last of
    them, one line each.
    """

    source: str
    policy: str
    pad_name: str
    rate: float
    elapsed: float = 0.0
    duration: float | None = None
    picture: Image | None = None
    pad: PadState = NEUTRAL
    rate_held: float | None = None
    latency_p50: float | None = None
    latency_p99: float | None = None
    age_p50: float | None = None
    age_p99: float | None = None
    late_p99: float | None = None
    max_age: float = 0.25
    frames: int = 0
    dropped: int = 0
    chunks: int = 0
    played: int = 0
    held: int = 0
    neutral: int = 0
    blocked: int = 0
    person: int = 0
    rumbles: int = 0
    rumble: Rumble = STILL
    missed: int = 0
    delay: float | None = None
    jump_inside: float | None = None
    jump_seam: float | None = None
    score: str | None = None
    message: str | None = None
    events: int = 0
    recent: tuple[str, ...] = ()

    @property
    def ticks(self) -> int:
        """Ticks done, and those that were missed."""
        return self.played + self.held + self.neutral + self.blocked + self.person + self.missed


class View(Protocol):
    """Shows a session, every ``interval`` seconds, in a thread of its own."""

    @property
    def interval(self) -> float:
        """Seconds between two calls of `show`."""

    def note(self, text: str) -> None:
        """Say what is done before play begins, or what ended it."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the session as it is now."""
