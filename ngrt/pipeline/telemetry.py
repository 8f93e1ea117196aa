"""The observer that keeps a session's figures for view and summary: counts, and percentiles of the last seconds."""

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass

from ngrt.control.percentiles import WINDOW, RecentSamples
from ngrt.interfaces import Observer
from ngrt.messages import NEUTRAL, STILL, Frame, Image, PadState, Rumble, Tick, TimedChunk


@dataclass(frozen=True, slots=True)
class Readings:
    """All figures at one moment; times in seconds.

    ``jump_inside`` and ``jump_seam``: mean movement of the sticks from tick to tick, inside a chunk and where a new one
    takes over. ``blocked`` and ``person``: ticks in which a guard or a person had the pad. ``rumbles``: how often the
    game changed the motors; ``rumble``: how strongly they run now. ``note``: what is wrong and being mended.
    ``events``: how many events were logged; ``recent``: the last of them, in words.
    """

    picture: Image | None
    state: PadState
    played: int
    held: int
    neutral: int
    blocked: int
    person: int
    rumbles: int
    rumble: Rumble
    missed: int
    frames: int
    chunks: int
    dropped: int
    rate: float | None
    latency_p50: float | None
    latency_p99: float | None
    age_p50: float | None
    age_p99: float | None
    late_p99: float | None
    delay: float | None
    jump_inside: float | None
    jump_seam: float | None
    note: str | None
    events: int
    recent: tuple[str, ...]


RECENT = 20
"""Events that are kept; if more happen between two readings, the oldest are lost."""


class Telemetry(Observer):
    """Keeps what the session has done so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._picture: Image | None = None
        self._state, self._rumble = NEUTRAL, STILL
        self._latency, self._age, self._late = RecentSamples(), RecentSamples(), RecentSamples()
        self._delay, self._inside, self._seam = RecentSamples(), RecentSamples(), RecentSamples()
        self._sent: deque[float] = deque(maxlen=WINDOW)
        self._before: Tick | None = None
        self._note = ""
        self._events = 0
        self._recent: deque[str] = deque(maxlen=RECENT)
        self._began: float | None = None

    def observation(self, frame: Frame, dropped: int) -> None:
        """Note the frame that inference starts on, and how many frames newer ones have replaced so far."""
        with self._lock:
            self._picture = frame.image
            self._counts["frames"] += 1
            self._counts["dropped"] = dropped

    def chunk(self, chunk: TimedChunk) -> None:
        """Note a finished chunk."""
        with self._lock:
            self._counts["chunks"] += 1
            self._latency.add(chunk.finished - chunk.started)
            self._delay.add(chunk.finished - chunk.captured)

    def tick(self, tick: Tick, missed: int) -> None:
        """Note a tick, and how many next to it were skipped."""
        with self._lock:
            self._counts[tick.source] += 1
            self._counts["missed"] += missed
            self._state = tick.state
            self._counts["rumbles"] += tick.rumble not in (self._rumble, STILL)
            self._rumble = tick.rumble
            self._late.add(tick.late)
            self._sent.append(tick.sent)
            if tick.age is not None:
                self._age.add(tick.age)
            before, self._before = self._before, tick
            if self._began is None:
                self._began = tick.sent
            if tick.note != (before.note if before is not None else ""):
                self._log(tick.note or "the policy may play again")
            if before is not None and before.source == tick.source == "played" and before.index + 1 == tick.index:
                seam = before.chunk_id != tick.chunk_id
                (self._seam if seam else self._inside).add(_jump(before.state, tick.state))

    def note(self, text: str) -> None:
        """Note what is wrong and being mended; "" once it is mended."""
        with self._lock:
            self._note = text
            if text:
                self._log(text)

    def event(self, text: str) -> None:
        """Note what belongs in a log."""
        with self._lock:
            self._log(text)

    def _log(self, text: str) -> None:
        elapsed = self._before.sent - self._began if self._before is not None and self._began is not None else 0.0
        self._events += 1
        self._recent.append(f"{elapsed:.1f} s  {text}")

    def read(self) -> Readings:
        """Return all figures as they are now."""
        with self._lock:
            counts, sent = self._counts, self._sent
            span = sent[-1] - sent[0] if len(sent) > 1 else 0.0
            return Readings(
                picture=self._picture,
                state=self._state,
                played=counts["played"],
                held=counts["held"],
                neutral=counts["neutral"],
                blocked=counts["blocked"],
                person=counts["person"],
                rumbles=counts["rumbles"],
                rumble=self._rumble,
                missed=counts["missed"],
                frames=counts["frames"],
                chunks=counts["chunks"],
                dropped=counts["dropped"],
                rate=(len(sent) - 1) / span if span > 0 else None,
                latency_p50=self._latency.percentile(50),
                latency_p99=self._latency.percentile(99),
                age_p50=self._age.percentile(50),
                age_p99=self._age.percentile(99),
                late_p99=self._late.percentile(99),
                delay=self._delay.percentile(50),
                jump_inside=self._inside.mean(),
                jump_seam=self._seam.mean(),
                note=self._note or None,
                events=self._events,
                recent=tuple(self._recent),
            )


def _jump(before: PadState, after: PadState) -> float:
    """Return how far the stick that moved farther went between two ticks; from one end to the other is 2."""
    return max(math.dist(before.left, after.left), math.dist(before.right, after.right))
