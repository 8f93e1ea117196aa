"""Composition root: from settings to an open game, an engine and a session that plays them."""

import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from ngrt.clock import SPIN, MonotonicClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.control.pacing import Pace
from ngrt.errors import SettingsError
from ngrt.interfaces import Policy, StoppedByPerson
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import Planner
from ngrt.pipeline.run import Session, first_failure, run
from ngrt.pipeline.workers import ThreadWorker
from ngrt.policy.shipped import arcade_engine
from ngrt.session.game import opened_clock, opened_game
from ngrt.session.latency import engine_threads, measure, predictor
from ngrt.session.reporter import Reporter
from ngrt.session.settings import PlaySettings, SourceKind
from ngrt.session.snapshot import Snapshot, View

MAX_AGE = 0.25
"""Seconds; the least that the limit on an observation's age is set to by itself."""


ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if sys.platform != "win32"]
"""Signals that end a session: an interrupt, a termination, a terminal that was closed. On Windows anyio receives none,
and Ctrl-C cancels the main task by itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session went; ``interrupted`` if a person or the system ended it, ``failure`` what ended it before."""

    snapshot: Snapshot
    interrupted: bool = False
    failure: Exception | None = None


def play(engine: Path | None, settings: PlaySettings, view: View) -> Outcome:
    """Play one session and return its figures. The pad is neutral and closed afterwards, whatever happens.

    What fails once play has begun is in the outcome, with the figures up to then.

    :raises ngrt.errors.NgrtError: something could not be opened, or cannot hold the rate
    """
    kind = settings.source(engine)
    report: Reporter | None = None
    try:
        with ExitStack() as stack:
            report = _prepare(kind, engine or arcade_engine(), settings, view, stack)
            interrupted = anyio.run(_play, report.session, view, report.snapshot)
    except StoppedByPerson as stopped:
        view.note(str(stopped))
        if report is None:
            raise KeyboardInterrupt from stopped
        return Outcome(report.snapshot(), interrupted=True)
    except KeyboardInterrupt:  # on Windows
        if report is None:
            raise
        return Outcome(report.snapshot(), interrupted=True)
    except Exception as error:
        if report is None:
            raise
        return Outcome(report.snapshot(), failure=error)
    return Outcome(report.snapshot(), interrupted)


def _prepare(kind: SourceKind, folder: Path, settings: PlaySettings, view: View, stack: ExitStack) -> "Reporter":
    """Return a session that is open and ready, with what reports on it; ``stack`` closes it."""
    view.note(f"opening {kind}")
    clock = stack.enter_context(opened_clock(kind, settings))
    game = stack.enter_context(opened_game(kind, settings, clock, view.note))
    view.note(f"loading {folder}")
    policy = stack.enter_context(_opened_policy(folder, settings, view))
    most = policy.spec.steps if not isinstance(settings.steps, int) else settings.steps
    view.note(f"measuring chunks of {most} steps")
    latency = measure(
        lambda steps: predictor(policy, settings, steps, "fresh"),
        most,
        policy.spec.context_frames,
        game.source.interval,
    )
    pace = settings.pace(latency, most, policy.spec.action_horizon)
    merging = settings.merging(pace.delay)
    planner = Planner(
        predictor(policy, settings, pace.steps, merging.noise), pace.steps, latency.of(pace.steps, pace.rate)
    )
    seconds = settings.seconds(kind)
    session = Session(
        source=game.source,
        reopen=game.reopen if game.open_again is not None else None,
        planner=planner,
        context=Context(policy.spec.context_frames, policy.spec.frame_spacing / pace.rate),
        pad=game.pad,
        control=_control(settings, seconds, pace, merging, planner.latency),
        merging=merging,
        clock=clock,
        worker=lambda name: ThreadWorker(name, clock, SPIN if name == "actuate" else 0.0),
        watches=game.watches,
    )
    game.wake()
    gc.collect()
    gc.freeze()  # what was loaded is never garbage: keep the collector off it while ticking
    how = f"{folder.name}, {pace.steps} steps, {merging}"
    return Reporter(session, game, how, seconds, clock.now())


def _control(settings: PlaySettings, seconds: float | None, pace: Pace, merging: Merging, takes: float) -> Control:
    """Return the session's rules, for chunks that take ``takes`` seconds.

    :raises SettingsError: no chunk could be as young as it is asked to be
    """
    waits = merging.mode == "lockstep"
    if settings.max_age is not None and settings.max_age < takes and not waits:
        raise SettingsError(
            f"--max-age is {settings.max_age:g} s; a chunk takes {takes:.3f} s here, so nothing would ever be played",
            remedy=f"try --max-age {2 * takes:.2g} or leave it out",
        )
    # a slower engine that is still feasible plays rows up to two delays old
    oldest = merging.execute + 1 if waits else 2 * pace.delay
    return Control(
        rate=pace.rate,
        ticks=None if seconds is None else max(1, round(seconds * pace.rate)),
        hold=settings.hold,
        max_age=settings.max_age or max(MAX_AGE, oldest / pace.rate),
        allow_menu=settings.allow_menu,
    )


async def _play(session: Session, view: View, snapshot: Callable[[], Snapshot]) -> bool:
    """Run the session beside its view; return whether a signal ended it."""
    interrupted = False

    async def keep_showing() -> None:
        wall = MonotonicClock()  # the session's may stand still
        worker = ThreadWorker("view", wall, spin=0.0)

        def show(now: float) -> float:
            view.show(snapshot())
            return wall.now() + view.interval

        try:
            await worker.pace(show, wall.now())
        finally:
            worker.close()

    async def stop_on(signals: AsyncIterator[signal.Signals]) -> None:
        nonlocal interrupted
        async for _ in signals:
            interrupted = True
            tasks.cancel_scope.cancel()

    heard = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]  # nohup switches one off
    with ExitStack() as stack:
        # open until all has ended: a second signal must not kill what the first one is still making neutral
        signals = stack.enter_context(anyio.open_signal_receiver(*heard)) if heard else None
        try:
            async with anyio.create_task_group() as tasks:
                if signals is not None:
                    tasks.start_soon(stop_on, signals)
                tasks.start_soon(keep_showing)
                await run(session)
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise first_failure(group) from group
    return interrupted


@contextmanager
def _opened_policy(folder: Path, settings: PlaySettings, view: View) -> Iterator[Policy]:
    from ngrt.inference.open import open_policy

    policy = open_policy(
        folder,
        backend=settings.backend,
        threads=engine_threads(settings.threads),
        seed=settings.seed,
        note=view.note,
    )
    if (gate := policy.manifest.gate) is not None and gate.failure:
        view.note(f"this engine failed its gate and was written by force: {gate.failure}")
    try:
        yield policy
    finally:
        policy.close()
