"""A session at one moment, and who is shown it."""

from dataclasses import dataclass
from typing import Protocol

from ngrt.messages import NEUTRAL, STILL, Image, PadState, Rumble


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session at one moment. Times in seconds, rates in Hz; None where there is nothing to tell yet.

    ``picture`` (256, 256, 3) uint8 RGB: the newest frame the policy was given. ``pad`` is what the pad does now;
    ``frames`` were given to the policy, ``dropped`` replaced by newer ones before it was free. ``max_age``: the limit
    on an observation's age. ``delay`` in ticks; ``jump_inside`` and ``jump_seam`` how far the sticks move from tick to
    tick inside a chunk and where a new one takes over. ``message``: what is going wrong, or who has the pad.
    ``events``: how often something happened that a log should have, ``recent`` the last of it, one line each.
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
    """Shows how a session goes, every ``interval`` seconds, from a thread of its own."""

    @property
    def interval(self) -> float:
        """Seconds between two calls of `show`."""

    def note(self, text: str) -> None:
        """Say what is being done before play begins, or what ended it."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the session as it is now."""
