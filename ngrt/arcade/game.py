"""The live game: 60 updates a second of a clock, whether or not anybody plays.

It advances when it is grabbed or played, up to the clock's time, with the pad's state held in between. To whoever
asks, that is the same as a game running in a thread of its own, and it works in virtual time as well.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from ngrt.arcade.controls import from_pad
from ngrt.arcade.level import RATE
from ngrt.arcade.render import render
from ngrt.arcade.world import World
from ngrt.messages import NEUTRAL, STILL, Image, PadState
from ngrt.resource import Resource

CATCH_UP = RATE
"""Most updates made at once: a machine that was suspended does not play an hour of game on waking."""

EARLY = 1e-6
"""Share of an update by which rounding may make a clock seem too early."""


@dataclass(frozen=True, slots=True)
class Score:
    """How the play went since the game began."""

    cleared: int = 0
    passed: int = 0
    """Events that reached the ship."""
    forks_cleared: int = 0
    forks_passed: int = 0
    episodes: int = 0
    """Episodes played to their end."""

    @property
    def share(self) -> float:
        """Events cleared of those that reached the ship; 0 before the first."""
        return self.cleared / self.passed if self.passed else 0.0


class Arcade:
    """A game to watch (`source`) and its gamepad (`pad`), from one or more threads.

    ``seed``: the first episode's; each following episode, one every 20 seconds, has the next. ``clock``: monotonic
    seconds. The game begins with the first grab or press.
    """

    def __init__(self, seed: int, clock: Callable[[], float]) -> None:
        self.source = ArcadeSource(self)
        self.pad = ArcadePad(self)
        self.skipped = 0
        """Updates left out because more than `CATCH_UP` were due."""
        self.updates = 0
        """Updates made."""
        self._clock = clock
        self._seed = seed
        self._world = World([seed])
        self._before = Score()
        self._held = NEUTRAL
        self._began: float | None = None
        self._lock = threading.Lock()

    @property
    def score(self) -> Score:
        """Return how the play went, as of the last grab or press."""
        with self._lock:
            return self._score()

    def describe_score(self) -> str | None:
        """Return the score in a few words, None before the first event."""
        score = self.score
        return f"{score.cleared} of {score.passed} cleared ({score.share:.0%})" if score.passed else None

    def hold(self, state: PadState) -> None:
        """Let the pad be in ``state`` from now on."""
        with self._lock:
            self._advance(self._clock())
            self._held = state

    def picture(self, now: float, after: int) -> tuple[int, Image | None]:
        """Return the number of the update shown at ``now`` and its picture, None where it is number ``after``."""
        with self._lock:
            self._advance(now)
            shown = self.updates + self.skipped
            return shown, None if shown == after else render(self._world.state)[0]

    def _advance(self, now: float) -> None:
        if self._began is None:
            self._began = now
        due = int((now - self._began) * RATE + EARLY) - self.updates - self.skipped
        if due > CATCH_UP:
            self.skipped += due - CATCH_UP
            due = CATCH_UP
        controls = from_pad(self._held)[None]
        for _ in range(due):
            self._world.step(controls)
            self.updates += 1
            if self._world.done:
                self._before = replace(self._score(), episodes=self._before.episodes + 1)
                self._seed += 1
                self._world = World([self._seed])

    def _score(self) -> Score:
        state, before = self._world.state[0], self._before
        return Score(
            before.cleared + int(state["cleared"]),
            before.passed + int(state["passed"]),
            before.forks_cleared + int(state["forks_cleared"]),
            before.forks_passed + int(state["forks_passed"]),
            before.episodes,
        )


class ArcadeSource(Resource):
    """The game's picture, as a frame source."""

    name = "arcade"
    interval = 1 / RATE
    age = 0.0

    def __init__(self, arcade: Arcade) -> None:
        self._arcade = arcade
        self._shown = -1

    def grab(self, now: float) -> Image | None:
        """Return the picture (256, 256, 3) at ``now``, or None where it was returned last."""
        self._shown, image = self._arcade.picture(now, self._shown)
        return image

    def close(self) -> None:
        """Do nothing: there is no device."""


class ArcadePad(Resource):
    """The gamepad that plays the game: left stick, SOUTH to jump, EAST to shield."""

    name = "arcade"
    rumble = STILL

    def __init__(self, arcade: Arcade) -> None:
        self._arcade = arcade

    def send(self, state: PadState) -> None:
        """Hold ``state`` until the next call."""
        self._arcade.hold(state)

    def close(self) -> None:
        """Let go of everything."""
        self._arcade.hold(NEUTRAL)
