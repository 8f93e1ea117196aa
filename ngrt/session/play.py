"""Composition root: from settings to an open game, an open policy, and a session that plays the game."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

import anyio
import anyio.from_thread
import anyio.lowlevel

from ngrt import ending
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended. ``interrupted``: a person or the system ended it; ``failure``: the error that ended it."""

    snapshot: Snapshot
    interrupted: bool = False
    failure: Exception | None = None


def play(
    opens: OpenPolicy,
    kind: SourceKind,
    settings: PlaySettings,
    view: View,
    observers: Sequence[Observer] = (),
    begun: Callable[[Callable[[], Snapshot]], object] = lambda snapshot: None,
) -> Outcome:
    """Play one session and return its figures. The pad is neutral and closed afterwards, whatever happens.

    An error after play has begun is in the outcome, with the figures up to then. From then on a signal ends play in
    order. ``observers`` are told of everything that happens; the caller closes them. ``begun``: is given, as play
    begins, what returns the figures at any moment.

    :raises ngrt.errors.NgrtError: something could not be opened, or the policy cannot hold the rate
    """
    report: Reporter | None = None
    try:
        with ExitStack() as stack:
            report = _open_session(opens, kind, settings, view, observers, stack)
            stop = _Stop()
            begun(report.snapshot)
            ending.listen(stop.ask)
            with gc_frozen():
                anyio.run(_play, report.session, view, report.snapshot, stop)
    except StoppedByPerson as stopped:
        view.note(str(stopped))
        if report is None:
            raise KeyboardInterrupt from stopped
        return Outcome(report.snapshot(), interrupted=True)
    except KeyboardInterrupt:
        if report is None:
            raise
        return Outcome(report.snapshot(), interrupted=True)
    except Exception as error:
        if report is None:
            raise
        return Outcome(report.snapshot(), failure=error)
    return Outcome(report.snapshot(), stop.asked)


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


class _Stop:
    """Ends the session when it is asked to: before its event loop runs, while it does, or after."""

    def __init__(self) -> None:
        self.asked = False
        self._lock = threading.Lock()
        self._waiting: tuple[anyio.Event, anyio.lowlevel.EventLoopToken] | None = None

    def ask(self) -> None:
        """End the session. Called in any thread but the event loop's."""
        with self._lock:
            self.asked, waiting = True, self._waiting
        if waiting is not None:
            event, token = waiting
            with suppress(anyio.RunFinishedError):
                anyio.from_thread.run_sync(event.set, token=token)

    async def wait(self) -> None:
        """Return once it was asked to end."""
        with self._lock:
            event = anyio.Event()
            self._waiting, asked = (event, anyio.lowlevel.current_token()), self.asked
        if not asked:
            await event.wait()


async def _play(session: Session, view: View, snapshot: Callable[[], Snapshot], stop: _Stop) -> None:
    """Run the session beside its view until it ends or is asked to."""

    async def keep_showing() -> None:
        clock = MonotonicClock()  # the session's clock may stand still

        def show(now: float) -> float:
            view.show(snapshot())
            return clock.now() + view.interval

        with ThreadWorker("view", clock, spin=0.0) as worker:
            await worker.pace(show, clock.now())

    async def end_when_asked() -> None:
        await stop.wait()
        tasks.cancel_scope.cancel()

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_when_asked)
            tasks.start_soon(keep_showing)
            await run(session)
            tasks.cancel_scope.cancel()
