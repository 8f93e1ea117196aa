"""Counters and windowed percentiles; written by the tasks' threads, read by the live view and the summary."""

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass

from ngrt.messages import NEUTRAL, Frame, Image, PadState, Tick, TimedChunk

WINDOW = 600
"""Samples a percentile is taken over: ten seconds at 60 Hz. Older hiccups must not colour the present."""


class Window:
    """The last samples of one quantity."""

    def __init__(self, size: int = WINDOW) -> None:
        self._samples: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        """Add a sample."""
        self._samples.append(value)

    def percentile(self, percent: float) -> float | None:
        """Return the nearest-rank percentile, or None where there are no samples."""
        ordered = sorted(self._samples)
        if not ordered:
            return None
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]

    def __len__(self) -> int:
        return len(self._samples)


@dataclass(frozen=True, slots=True)
class Readings:
    """All figures at one moment; times in seconds."""

    picture: Image | None
    state: PadState
    played: int
    held: int
    neutral: int
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


class Telemetry:
    """What the session has done so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._picture: Image | None = None
        self._state = NEUTRAL
        self._latency, self._age, self._late = Window(), Window(), Window()
        self._sent: deque[float] = deque(maxlen=WINDOW)

    def frame(self, frame: Frame) -> None:
        """Note a frame that inference starts on."""
        with self._lock:
            self._picture = frame.image
            self._counts["frames"] += 1

    def dropped(self, total: int) -> None:
        """Note how many frames were replaced by newer ones so far."""
        with self._lock:
            self._counts["dropped"] = total

    def chunk(self, chunk: TimedChunk) -> None:
        """Note a finished chunk."""
        with self._lock:
            self._counts["chunks"] += 1
            self._latency.add(chunk.finished - chunk.started)

    def tick(self, tick: Tick, missed: int) -> None:
        """Note a tick, and how many were missed after it."""
        with self._lock:
            self._counts[tick.source] += 1
            self._counts["missed"] += missed
            self._state = tick.state
            self._late.add(tick.late)
            self._sent.append(tick.sent)
            if tick.age is not None:
                self._age.add(tick.age)

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
            )
