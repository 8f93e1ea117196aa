"""Composition root: from settings to an open game, an open policy, and a session that plays the game."""

import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import anyio

from ngrt.clock import MonotonicClock
from ngrt.interfaces import Observer, StoppedByPerson
from ngrt.pipeline.groups import ungrouped
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.workers import ThreadWorker
from ngrt.session import choices
from ngrt.session.awake import keep_awake
from ngrt.session.game import session_clock, session_game
from ngrt.session.policies import OpenPolicy
from ngrt.session.prepare import gc_frozen, prepare_session
from ngrt.session.reporter import Reporter
from ngrt.session.settings import PlaySettings, SourceKind
from ngrt.session.snapshot import Snapshot, View

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if sys.platform != "win32"]
"""Signals that end a session: an interrupt, a termination, a terminal that was closed. None on Windows, where anyio
receives no signals and Ctrl-C cancels the main task."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended. ``interrupted``: a person or the system ended it; ``failure``: the error that ended it."""

    snapshot: Snapshot
    interrupted: bool = False
    failure: Exception | None = None


def play(
    opens: OpenPolicy, kind: SourceKind, settings: PlaySettings, view: View, observers: Sequence[Observer] = ()
) -> Outcome:
    """Play one session and return its figures. The pad is neutral and closed afterwards, whatever happens.

    An error after play has begun is in the outcome, with the figures up to then. ``observers`` are told of everything
    that happens; the caller closes them.

    :raises ngrt.errors.NgrtError: something could not be opened, or the policy cannot hold the rate
    """
    report: Reporter | None = None
    try:
        with ExitStack() as stack:
            report = _open_session(opens, kind, settings, view, observers, stack)
            with gc_frozen():
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


def _open_session(
    opens: OpenPolicy,
    kind: SourceKind,
    settings: PlaySettings,
    view: View,
    observers: Sequence[Observer],
    stack: ExitStack,
) -> Reporter:
    """Return the reporter of a session that is open and ready; ``stack`` closes the session's devices."""
    view.note(f"opening {kind}")
    clock = stack.enter_context(session_clock(kind, settings))
    game = stack.enter_context(session_game(kind, settings, clock, view.note))
    awake = stack.enter_context(keep_awake(settings.display, view.note)) if kind in {"display", "window"} else None
    policy = stack.enter_context(closing(opens(view.note)))
    if policy.gate_failure:
        view.note(f"this engine failed its gate and was written by force: {policy.gate_failure}")
    duration = choices.seconds(settings, kind)
    session = prepare_session(policy, game, settings, duration, clock, view.note, observers)
    game.wake()
    if awake is not None:
        vetoes = session.vetoes
        awake.hold_while(lambda: (held := vetoes.strongest) is None or held.source == "person")
    return Reporter(session, game, policy.name, duration, clock.now())


async def _play(session: Session, view: View, snapshot: Callable[[], Snapshot]) -> bool:
    """Run the session beside its view; return whether a signal ended it."""
    interrupted = False

    async def keep_showing() -> None:
        clock = MonotonicClock()  # the session's clock may stand still

        def show(now: float) -> float:
            view.show(snapshot())
            return clock.now() + view.interval

        with ThreadWorker("view", clock, spin=0.0) as worker:
            await worker.pace(show, clock.now())

    async def stop_on(signals: AsyncIterator[signal.Signals]) -> None:
        nonlocal interrupted
        async for _ in signals:
            interrupted = True
            tasks.cancel_scope.cancel()

    ending = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]  # nohup switches one off
    with ExitStack() as stack:
        # open until everything has ended: a second signal must not kill ngrt while the pad is made neutral
        signals = stack.enter_context(anyio.open_signal_receiver(*ending)) if ending else None
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                if signals is not None:
                    tasks.start_soon(stop_on, signals)
                tasks.start_soon(keep_showing)
                await run(session)
                tasks.cancel_scope.cancel()
    return interrupted
