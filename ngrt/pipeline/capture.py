"""Look at the source at its own pace and hand on the newest frame, with those before it that the policy wants."""

from concurrent.futures import Executor, ThreadPoolExecutor

from ngrt.channels import Latest
from ngrt.clock import Clock
from ngrt.context import Context
from ngrt.interfaces import EndOfSource, FrameSource
from ngrt.messages import Frame, Image
from ngrt.pacing import next_deadline
from ngrt.preprocess import check_frame, shrink
from ngrt.workers import Worker


async def capture(
    source: FrameSource,
    interval: float,
    context: Context,
    worker: Worker,
    clock: Clock,
    frames: Latest[list[Frame]],
) -> None:
    """Look every ``interval`` seconds until the source ends; then close ``frames``.

    What is handed on is a context, oldest frame first: made here, where every frame passes, and not where only those
    pass that inference has time for.
    """
    first = clock.now()
    # shrinking costs more than all else between frame and pad: two threads share it
    helper = ThreadPoolExecutor(1, thread_name_prefix="ngrt-shrink")
    try:
        await worker.pace(_Camera(source, interval, context, clock, frames, first, helper).look, first)
    finally:
        helper.shutdown(wait=False)
        frames.close()


class _Camera:
    def __init__(
        self,
        source: FrameSource,
        interval: float,
        context: Context,
        clock: Clock,
        frames: Latest[list[Frame]],
        first: float,
        helper: Executor,
    ) -> None:
        self._source, self._interval, self._context = source, interval, context
        self._clock, self._frames, self._helper = clock, frames, helper
        self._deadline = first
        self._count = 0
        self._shown: Image | None = None

    def look(self, now: float) -> float | None:
        """Grab once; return when to look again, or None at the end of the source."""
        try:
            image = self._source.grab(now)
        except EndOfSource:
            return None
        if image is not None:
            self._count += 1
            self._shown = shrink(check_frame(image), self._helper)
        # An unchanged picture is handed on again, with the time it was looked at: it is what the game shows now.
        if self._shown is not None:
            self._frames.put(self._context.observe(Frame(self._count, now, self._shown)))
        self._deadline, _ = next_deadline(self._deadline, self._clock.now(), self._interval)
        return self._deadline
