"""From an open policy and an open game to a session that is ready to run: measure the policy, choose the pace."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ngrt.clock import SPIN, MonotonicClock
from ngrt.control.context import Context
from ngrt.interfaces import Note, Observer, Policy
from ngrt.pipeline.infer import MeasuredPolicy
from ngrt.pipeline.run import Session
from ngrt.pipeline.workers import ThreadWorker
from ngrt.session import choices
from ngrt.session.game import Game
from ngrt.session.latency import measure, predictor
from ngrt.session.settings import PlaySettings


def prepare_session(
    policy: Policy,
    game: Game,
    settings: PlaySettings,
    duration: float | None,
    clock: MonotonicClock,
    note: Note,
    observers: Sequence[Observer] = (),
) -> Session:
    """Return a session of ``duration`` seconds (None: without end) in which ``policy`` plays ``game``.

    :raises ngrt.errors.FeasibilityError: the policy is too slow here for what is asked
    :raises ngrt.errors.SettingsError: the policy cannot do what is asked
    :raises ngrt.errors.NgrtError: the policy failed
    """
    spec, most = policy.spec, choices.most_steps(settings, policy.spec)
    note(f"measuring chunks of {most} steps")
    latency = measure(
        lambda steps: predictor(policy, settings, steps, "fresh"), most, spec.context_frames, game.source.interval
    )
    pace = choices.pace(settings, latency, spec)
    merging = choices.merging(settings, pace.delay, takes_guide=policy.takes_guide)
    takes = latency.of(pace.steps, pace.rate)
    return Session(
        source=game.source,
        reopen=game.reopen if game.open_again is not None else None,
        policy=MeasuredPolicy(predictor(policy, settings, pace.steps, merging.noise), pace.steps, takes),
        context=Context(spec.context_frames, spec.frame_spacing / pace.rate),
        pad=game.pad,
        control=choices.control(settings, duration, pace, merging, takes),
        merging=merging,
        clock=clock,
        worker=lambda name: ThreadWorker(name, clock, SPIN if name == "actuate" else 0.0),
        watches=game.watches,
        observers=observers,
    )


@contextmanager
def gc_frozen() -> Iterator[None]:
    """Keep the garbage collector from searching everything that is loaded already: that would hold up ticks."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
