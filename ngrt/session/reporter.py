"""Makes snapshots of a session."""

from dataclasses import dataclass

from ngrt.pipeline.run import Session
from ngrt.session.game import Game
from ngrt.session.snapshot import Snapshot


@dataclass(frozen=True)
class Reporter:
    """Reports on ``session``, which plays ``game``. ``duration``: seconds that it will last, None for no end."""

    session: Session
    game: Game
    policy_name: str
    duration: float | None
    started: float

    def snapshot(self) -> Snapshot:
        """Return the session as it is now."""
        readings, control = self.session.telemetry.read(), self.session.control
        return Snapshot(
            source=self.game.source.name,
            policy=f"{self.policy_name}, {self.session.policy.steps} steps, {self.session.merging}",
            pad_name=self.game.pad.name,
            rate=control.rate,
            elapsed=self.session.clock.now() - self.started,
            duration=self.duration,
            picture=readings.picture,
            pad=readings.state,
            rate_held=readings.rate,
            latency_p50=readings.latency_p50,
            latency_p99=readings.latency_p99,
            age_p50=readings.age_p50,
            age_p99=readings.age_p99,
            late_p99=readings.late_p99,
            max_age=control.max_age,
            frames=readings.frames,
            dropped=readings.dropped,
            chunks=readings.chunks,
            played=readings.played,
            held=readings.held,
            neutral=readings.neutral,
            blocked=readings.blocked,
            person=readings.person,
            rumbles=readings.rumbles,
            rumble=readings.rumble,
            missed=readings.missed,
            delay=readings.delay and readings.delay * control.rate,
            jump_inside=readings.jump_inside,
            jump_seam=readings.jump_seam,
            score=self.game.score(),
            message=self._message(readings.note),
            events=readings.events,
            recent=readings.recent,
        )

    def _message(self, trouble: str | None) -> str | None:
        """Return what people must know first: who has the pad, else what is wrong, else a guard's note."""
        vetoes = self.session.vetoes
        return vetoes.note if vetoes.strongest is not None else trouble or vetoes.note
