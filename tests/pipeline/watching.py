"""What the tests of guards share: watches that say what they are told to, and the ticks that were played."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from ngrt.interfaces import Watch
from ngrt.messages import PadState, Tick, Verdict
from tests.pipeline.test_invariants import Diary, Uneven, numbered

TICK = 1 / 60


LOST = Verdict("blocked", "game lost the focus; pad neutral")


EAST = PadState(frozenset({"EAST"}), (-1.0, 0.0))


PLAYS = Verdict("person", "a person plays", EAST)


@dataclass
class Script:
    """A watch that says what is written for a time: (seconds from the first poll, verdict) in order."""

    written: Sequence[tuple[float, Verdict | Exception | None]]
    began: float | None = None

    def poll(self, now: float) -> Verdict | None:
        self.began = now if self.began is None else self.began
        said = [what for when, what in self.written if self.began + when <= now + 1e-9]
        newest = said[-1] if said else None
        if isinstance(newest, Exception):
            raise newest
        return newest

    def close(self) -> None:
        """Nothing to close."""


def diaried(*watches: Watch, **parts: Any) -> tuple[Uneven, Diary]:
    """Return a rig with a diary."""
    rig = Uneven(watches=watches, predict=numbered, times={"infer": [0.05]}, **parts)
    rig.start = anyio.current_time()
    return rig, rig.diary


def between(ticks: Sequence[tuple[Tick, int]], start: float, end: float) -> list[Tick]:
    return [tick for tick, _ in ticks if start <= tick.sent < end]
