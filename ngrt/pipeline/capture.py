"""Grab from the source at its own pace and hand on the newest frame, with those before it that the policy wants.

A source that fails or hangs is opened again, a bounded number of times.
"""

import math
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import anyio

from ngrt.clock import Clock
from ngrt.control.context import Context
from ngrt.control.pacing import next_deadline
from ngrt.control.vetoes import Vetoes
from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource, FrameSource, NothingToSee, Observer
from ngrt.messages import Frame, Image, Verdict
from ngrt.pipeline.channels import Latest
from ngrt.pipeline.watchdog import Hung, unless_hung
from ngrt.pipeline.workers import Worker
from ngrt.policy.preprocess import check_frame, shrink

STALL = 2.0
"""Seconds that a grab may take before the source counts as hung."""

OPENING = 10.0
"""Seconds that opening a source again may take."""

RESTARTS = 3
"""Times in a row that a source is opened again."""

FORGIVEN = 30.0
"""Seconds without a failure after which earlier ones no longer count."""

EARLY = 0.9
"""Share of the time to an unchanged picture's next turn after which a grab takes it: grabs and ticks do not meet."""

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each attempt: a display that changes its mode is back soon, or later."""


@dataclass(frozen=True)
class Watching:
    """What is watched: a picture is grabbed every ``interval`` seconds.

    ``reopen`` closes it and opens it anew, where that makes sense; whoever gave it closes what it opened. ``vetoes``:
    told while there is nothing to see. ``observer``: told of full frames, and of failures that are dealt with.
    ``refresh``: seconds after which a picture that has not changed is handed on again.
    """

    source: FrameSource
    interval: float
    context: Context
    vetoes: Vetoes
    reopen: Callable[[], FrameSource] | None = None
    refresh: float = 0.0
    observer: Observer = field(default_factory=Observer)


async def capture(
    watching: Watching,
    worker: Worker,
    make_worker: Callable[[str], Worker],
    clock: Clock,
    frames: Latest[list[Frame]],
) -> None:
    """Grab until the source ends; then close ``frames``.

    What is handed on is a context, oldest frame first: made here, where every frame passes, and not where only those
    pass that inference has time for. A source that failed gets a new worker from ``make_worker``, for the old one may
    hang.

    :raises ngrt.errors.SourceError: the source fails again and again, or cannot be opened again
    """
    # shrinking costs more than all else between frame and pad: two threads share a large picture
    helper = ThreadPoolExecutor(1, thread_name_prefix="ngrt-shrink")
    camera = Camera(watching, clock, frames, helper)
    failures, failed_at = 0, clock.now()
    try:
        while True:
            try:
                if failures:
                    await _reopen(camera, watching, worker)
                    watching.observer.note("")
                await _watch(camera, worker, clock)
                return
            except Exception as error:
                failures = 1 if clock.now() - failed_at > FORGIVEN else failures + 1
                failed_at = clock.now()
                if watching.reopen is None or failures > RESTARTS:
                    raise
                camera.silence()
                watching.observer.note(f"{error}; opening it again ({failures} of {RESTARTS})")
            worker.close()  # its thread may hang
            worker = make_worker("capture")
            await anyio.sleep(PAUSES[failures - 1])
    finally:
        worker.close()
        helper.shutdown(wait=False)
        frames.close()


async def _reopen(camera: "Camera", watching: Watching, worker: Worker) -> None:
    """Let ``camera`` grab from the source opened anew.

    :raises ngrt.errors.SourceError: it cannot be opened
    """
    if watching.reopen is None:
        return
    try:
        with anyio.fail_after(OPENING):
            camera.switch_to(await worker.call(watching.reopen))
    except TimeoutError as error:
        raise SourceError(f"{camera.name} does not open within {OPENING:g} s", remedy="close what blocks it") from error


async def _watch(camera: "Camera", worker: Worker, clock: Clock) -> None:
    """Grab until the source ends.

    :raises SourceError: it hangs
    """
    camera.deadline = seen = clock.now()

    def quiet() -> bool:
        nonlocal seen
        before, seen = seen, camera.deadline
        return before == seen < clock.now()

    try:
        await unless_hung(lambda: worker.pace(camera.step, camera.deadline), STALL, quiet)
    except Hung as error:
        raise SourceError(
            f"{camera.name} has shown nothing for {STALL:g} s: it hangs", remedy="close what blocks it"
        ) from error


class Camera:
    """Grabs from a source: each step grabs, shrinks, and puts a context of frames into a channel."""

    def __init__(
        self, watching: Watching, clock: Clock, frames: Latest[list[Frame]], helper: Executor | None = None
    ) -> None:
        self._source, self._interval, self._context = watching.source, watching.interval, watching.context
        self._clock, self._frames, self._helper = clock, frames, helper
        self._observer = watching.observer
        self._voice = watching.vetoes.voice(first=True)  # minimised says more than without the focus
        self._refresh, self._handed_on = EARLY * watching.refresh, -math.inf
        self._count = 0
        self._shown: Image | None = None
        self.deadline = clock.now()
        """When the next grab is due; long past where the source hangs."""

    @property
    def name(self) -> str:
        """What is watched."""
        return self._source.name

    def step(self, now: float) -> float | None:
        """Grab once; return when to grab again, or None at the end of the source."""
        source, verdict = self._source, None
        image, age = None, 0.0
        try:
            image = source.grab(now)
        except EndOfSource:
            return None
        except NothingToSee as reason:
            verdict = Verdict("blocked", str(reason))
        if source is not self._source:  # it hung, another was opened, and now it is back
            return None
        self._voice.verdict = verdict
        if verdict is not None:
            self._shown = None
        if image is not None:
            self._count += 1
            age = source.age
            self._observer.frame(Frame(self._count, now - age, check_frame(image)))
            self._shown = shrink(image, self._helper)
        # An unchanged picture is handed on again, with the time it was grabbed: it is what the game shows now. But no
        # more often than is of use, for inference thinks about whatever it is given.
        if self._shown is not None and (image is not None or now - self._handed_on >= self._refresh):
            self._handed_on = now
            self._frames.put(self._context.observe(Frame(self._count, now - age, self._shown)))
        self.deadline, _ = next_deadline(self.deadline, self._clock.now(), self._interval)
        return self.deadline

    def silence(self) -> None:
        """Take back that there is nothing to see: the source has failed, and its failure says more."""
        self._voice.verdict = None

    def switch_to(self, source: FrameSource) -> None:
        """Grab from ``source`` from now on; what the old one showed last is shown no more."""
        self._source, self._shown = source, None
