"""Composition root: from settings to an open game, an engine and a session that plays them."""

import gc
import os
import signal
import statistics
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.context import Context
from ngrt.dashboard import Snapshot
from ngrt.errors import BundleError, PadError, SettingsError
from ngrt.interfaces import FrameSource, Pad, Policy
from ngrt.pacing import Latency, check_feasible
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import Predict
from ngrt.pipeline.run import Session, first_failure, run
from ngrt.preprocess import CAPTURE_SIDE
from ngrt.settings import PlaySettings, SourceKind
from ngrt.views import View
from ngrt.workers import PATIENCE, ThreadWorker

MAX_AGE = 0.25
"""Seconds; the least that the limit on an observation's age is set to by itself."""

WARM_UP_RUNS = 3

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if sys.platform != "win32"]
"""Signals that end a session: an interrupt, a termination, a terminal that was closed. On Windows anyio receives none,
and Ctrl-C cancels the main task by itself."""


@dataclass(frozen=True)
class Game:
    """An open source with the pad that plays it, and its score if it keeps one."""

    source: FrameSource
    pad: Pad
    score: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session went; ``interrupted`` if a person or the system ended it."""

    snapshot: Snapshot
    interrupted: bool


def play(engine: Path | None, settings: PlaySettings, view: View) -> Outcome:
    """Play one session and return its figures. The pad is neutral and closed afterwards, whatever happens.

    :raises ngrt.errors.NgrtError: something could not be opened, cannot hold the rate, or failed on the way
    """
    kind = settings.source(engine)
    folder = engine or arcade_engine()
    clock = MonotonicClock()
    with ExitStack() as stack:
        view.note(f"opening {kind}")
        game = stack.enter_context(_opened_game(kind, settings, clock))
        view.note(f"loading {folder}")
        policy = stack.enter_context(_opened_policy(folder, settings))
        steps = settings.steps or policy.spec.steps
        view.note(f"measuring chunks of {steps} steps")

        def predict_in(count: int) -> Predict:
            return partial(policy.predict, steps=count, guidance=settings.guidance, game=settings.game)

        latency = measure(predict_in, steps, policy.spec.context_frames, game.source.interval)
        delay = check_feasible(latency, steps, policy.spec.action_horizon, settings.rate)
        seconds = settings.seconds(kind)
        control = _control(settings, seconds, delay, latency.of(steps, settings.rate))
        session = Session(
            source=game.source,
            predict=predict_in(steps),
            context=Context(policy.spec.context_frames, policy.spec.frame_spacing / settings.rate),
            pad=game.pad,
            control=control,
            clock=clock,
            worker=lambda name: ThreadWorker(name, clock),
        )
        report = _Reporter(session, game, f"{folder.name}, {steps} steps", seconds, clock.now())
        gc.collect()
        gc.freeze()  # what was loaded is never garbage: keep the collector off it while ticking
        interrupted = anyio.run(_play, session, view, report.snapshot)
        return Outcome(report.snapshot(), interrupted)


def _control(settings: PlaySettings, seconds: float | None, delay: int, takes: float) -> Control:
    """Return the session's rules, for chunks that take ``takes`` seconds: ``delay`` ticks.

    :raises SettingsError: no chunk could be as young as it is asked to be
    """
    if settings.max_age is not None and settings.max_age < takes:
        raise SettingsError(
            f"--max-age is {settings.max_age:g} s; a chunk takes {takes:.3f} s here, so nothing would ever be played; "
            f"try --max-age {2 * takes:.2g} or leave it out"
        )
    return Control(
        rate=settings.rate,
        ticks=None if seconds is None else max(1, round(seconds * settings.rate)),
        hold=settings.hold,
        # a slower engine that is still feasible plays rows up to two delays old
        max_age=settings.max_age or max(MAX_AGE, 2 * delay / settings.rate),
        allow_menu=settings.allow_menu,
    )


async def _play(session: Session, view: View, snapshot: Callable[[], Snapshot]) -> bool:
    """Run the session beside its view; return whether a signal ended it."""
    interrupted = False

    async def keep_showing() -> None:
        worker = ThreadWorker("view")

        def show(now: float) -> float:
            view.show(snapshot())
            return session.clock.now() + view.interval

        try:
            await worker.pace(show, session.clock.now())
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


@dataclass(frozen=True)
class _Reporter:
    session: Session
    game: Game
    policy_name: str
    duration: float | None
    started: float

    def snapshot(self) -> Snapshot:
        readings, control = self.session.telemetry.read(), self.session.control
        return Snapshot(
            source=self.game.source.name,
            policy=self.policy_name,
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
            missed=readings.missed,
            score=self.game.score(),
        )


def arcade_engine() -> Path:
    """Return the folder of the engine that ships with ngrt.

    :raises BundleError: this installation came without it
    """
    package = Path(__file__).parent
    for folder in (package / "engines" / "arcade", package.parent / "engines" / "arcade"):
        if folder.is_dir():
            return folder
    raise BundleError("this installation has no arcade engine; name one of your own: ngrt play ENGINE --arcade")


def engine_threads(asked: int | None) -> int:
    """Return how many threads the engine gets: one core is left for the tick."""
    return asked or max(1, (os.cpu_count() or 1) - 1)


def measure(predict_in: Callable[[int], Predict], steps: int, frames: int, look: float) -> Latency:
    """Return how long chunks take here: medians of a few runs on black frames, the first run left out.

    ``predict_in`` makes a predictor of a number of steps; ``look``: seconds between two pictures of the source.
    """
    clock = MonotonicClock()
    pictures = [np.zeros((CAPTURE_SIDE, CAPTURE_SIDE, 3), np.uint8)] * frames

    def median(count: int) -> float:
        predict, times = predict_in(count), []
        for _ in range(1 + WARM_UP_RUNS):
            start = clock.now()
            predict(pictures)
            times.append(clock.now() - start)
        return statistics.median(times[1:])

    return Latency.from_two(median(1), steps, median(steps), look)


@contextmanager
def _opened_policy(folder: Path, settings: PlaySettings) -> Iterator[Policy]:
    from ngrt.backends.policy_onnx import OnnxPolicy

    policy = OnnxPolicy(folder, engine_threads(settings.threads), settings.seed)
    try:
        yield policy
    finally:
        policy.close()


@contextmanager
def _opened_game(kind: SourceKind, settings: PlaySettings, clock: MonotonicClock) -> Iterator[Game]:
    game = _open_game(kind, settings, clock)
    try:
        yield game
    except BaseException:
        with suppress(Exception):  # what went wrong first says more
            _close(game)
        raise
    _close(game)


def _close(game: Game) -> None:
    """Close pad and source, both whatever happens; neither may keep the process for longer than `PATIENCE`.

    :raises ngrt.errors.PadError: the pad hangs
    """
    failures: list[Exception] = []

    def closed(close: Callable[[], None]) -> None:
        try:
            close()
        except Exception as error:  # noqa: BLE001  (raised below)
            failures.append(error)

    for device in (game.pad, game.source):
        closing = threading.Thread(target=closed, args=(device.close,), name="ngrt-close", daemon=True)
        closing.start()
        closing.join(PATIENCE)
        if device is game.pad and closing.is_alive():
            failures.append(PadError(f"pad {game.pad.name} does not close; it may not be neutral; unplug it"))
    if failures:
        raise failures[0]


def _open_game(kind: SourceKind, settings: PlaySettings, clock: MonotonicClock) -> Game:
    from ngrt.backends.pad_none import RecordingPad

    if kind == "arcade":
        from ngrt.arcade.game import Arcade

        arcade = Arcade(settings.seed or 0, clock.now)
        pad = arcade.pad if settings.pad == "auto" else RecordingPad()
        return Game(arcade.source, pad, arcade.describe_score)
    return Game(_open_source(kind, settings), RecordingPad())


def _open_source(kind: SourceKind, settings: PlaySettings) -> FrameSource:
    if kind == "video" and settings.video is not None:
        from ngrt.backends.capture_video import VideoSource

        return VideoSource(settings.video)
    if kind == "image":
        from ngrt.backends.capture_images import ImageSource

        return ImageSource(settings.image)
    from ngrt.backends.capture_x11 import X11Source

    return X11Source(settings.display, settings.rate)
