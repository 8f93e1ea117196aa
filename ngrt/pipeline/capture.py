"""Grab from the source at its own pace, and pass on the newest frame with the earlier ones that the policy wants.

A source that fails or hangs is opened again, a limited number of times.
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
"""Share of `CaptureSetup.refresh` after which an unchanged picture is passed on: grabs do not fall exactly on ticks."""

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each attempt to open a source again: a display that changes its mode may take a while."""


@dataclass(frozen=True)
class CaptureSetup:
    """A source and how to capture it: a grab every ``interval`` seconds.

    ``reopen``: closes the source and opens it anew; the caller closes that one in the end. None: it is not opened
    again. ``vetoes``: get a verdict while there is nothing to see. ``observer``: told of full frames, and of failures
    that are mended. ``refresh``: seconds after which a picture that has not changed is passed on again.
    """

    source: FrameSource
    interval: float
    context: Context
    vetoes: Vetoes
    reopen: Callable[[], FrameSource] | None = None
    refresh: float = 0.0
    observer: Observer = field(default_factory=Observer)


async def capture(
    setup: CaptureSetup,
    worker: Worker,
    make_worker: Callable[[str], Worker],
    clock: Clock,
    frames: Latest[list[Frame]],
) -> None:
    """Grab until the source ends; then close ``frames``.

    ``frames`` gets contexts, oldest frame first. They are made here because every frame passes here; inference skips
    frames. A source that failed gets a new worker from ``make_worker``, for the old one may hang.

    :raises ngrt.errors.SourceError: the source fails again and again, or cannot be opened again
    """
    # shrinking costs more than anything else between frame and pad: two threads share a large picture
    helper = ThreadPoolExecutor(1, thread_name_prefix="ngrt-shrink")
    capturer = Capturer(setup, clock, frames, helper)
    failures, failed_at = 0, clock.now()
    try:
        while True:
            try:
                if failures:
                    await _reopen(capturer, setup, worker)
                    setup.observer.note("")
                await _grab_until_end(capturer, worker, clock)
                return
            except Exception as error:
                failures = 1 if clock.now() - failed_at > FORGIVEN else failures + 1
                failed_at = clock.now()
                if setup.reopen is None or failures > RESTARTS:
                    raise
                capturer.withdraw_verdict()
                setup.observer.note(f"{error}; opening it again ({failures} of {RESTARTS})")
            worker.close()  # its thread may hang
            worker = make_worker("capture")
            await anyio.sleep(PAUSES[failures - 1])
    finally:
        worker.close()
        helper.shutdown(wait=False)
        frames.close()


async def _reopen(capturer: "Capturer", setup: CaptureSetup, worker: Worker) -> None:
    """Open the source anew and let ``capturer`` grab from it.

    :raises ngrt.errors.SourceError: it cannot be opened
    """
    if setup.reopen is None:
        return
    try:
        with anyio.fail_after(OPENING):
            capturer.switch_to(await worker.call(setup.reopen))
    except TimeoutError as error:
        raise SourceError(
            f"{capturer.name} does not open within {OPENING:g} s", remedy="close what blocks it"
        ) from error


async def _grab_until_end(capturer: "Capturer", worker: Worker, clock: Clock) -> None:
    """Grab until the source ends.

    :raises SourceError: it hangs
    """
    capturer.deadline = last_deadline = clock.now()

    def no_progress() -> bool:
        nonlocal last_deadline
        before, last_deadline = last_deadline, capturer.deadline
        return before == last_deadline < clock.now()

    try:
        await unless_hung(lambda: worker.pace(capturer.step, capturer.deadline), STALL, no_progress)
    except Hung as error:
        raise SourceError(
            f"{capturer.name} has shown nothing for {STALL:g} s: it hangs", remedy="close what blocks it"
        ) from error


class Capturer:
    """Each step grabs from the source, shrinks the picture, and puts a context of frames into a channel."""

    def __init__(
        self, setup: CaptureSetup, clock: Clock, frames: Latest[list[Frame]], helper: Executor | None = None
    ) -> None:
        self._source, self._interval, self._context = setup.source, setup.interval, setup.context
        self._clock, self._frames, self._helper = clock, frames, helper
        self._observer = setup.observer
        self._veto = setup.vetoes.new_veto(first=True)  # "minimised" says more than "lost the focus"
        self._refresh, self._passed_on = EARLY * setup.refresh, -math.inf
        self._count = 0
        self._shown: Image | None = None
        self.deadline = clock.now()
        """When the next grab is due; it stays in the past while the source hangs."""

    @property
    def name(self) -> str:
        """The source's name."""
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
        if source is not self._source:  # this call hung, and another source was opened meanwhile
            return None
        self._veto.verdict = verdict
        if verdict is not None:
            self._shown = None
        if image is not None:
            self._count += 1
            age = source.age
            self._observer.frame(Frame(self._count, now - age, check_frame(image)))
            self._shown = shrink(image, self._helper)
        # An unchanged picture is passed on again with the time of this grab, for the game still shows it; but no more
        # often than is of use, for inference runs on every frame that it gets.
        if self._shown is not None and (image is not None or now - self._passed_on >= self._refresh):
            self._passed_on = now
            self._frames.put(self._context.observe(Frame(self._count, now - age, self._shown)))
        self.deadline, _ = next_deadline(self.deadline, self._clock.now(), self._interval)
        return self.deadline

    def withdraw_verdict(self) -> None:
        """Take back the verdict that there is nothing to see: the source has failed, and its failure says more."""
        self._veto.verdict = None

    def switch_to(self, source: FrameSource) -> None:
        """Grab from ``source`` from now on, and forget the old one's last picture."""
        self._source, self._shown = source, None
