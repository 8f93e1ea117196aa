"""Which earlier frames go into an observation beside the newest one, for a policy that sees several."""

from collections import deque

from ngrt.messages import Frame

TOLERANCE = 1e-6
"""Seconds; capture times are sums of floats."""

RESOLUTION = 32
"""Frames kept for each spacing: the nearest is at most a 64th of the spacing off, and memory is bounded."""


class Context:
    """Keeps the frames of the last seconds and picks those that the policy was trained to see together.

    ``length`` frames, ``spacing`` seconds apart. It must be given every captured frame, also those that the policy has
    no time for. Early in a session the older frames do not exist yet and are left out.
    """

    def __init__(self, length: int, spacing: float) -> None:
        self._length = length
        self._spacing = spacing
        self._past: deque[Frame] = deque()

    def observe(self, frame: Frame) -> list[Frame]:
        """Add the newest frame and return the context, oldest first."""
        if self._length == 1:
            return [frame]
        if len(self._past) > 1 and frame.captured - self._past[-2].captured < self._spacing / RESOLUTION - TOLERANCE:
            self._past.pop()  # its neighbours are near enough
        oldest_wanted = frame.captured - (self._length - 1) * self._spacing
        self._past.append(frame)
        while len(self._past) > 1 and self._past[1].captured <= oldest_wanted:
            self._past.popleft()
        wanted = [frame.captured - step * self._spacing for step in range(self._length - 1, -1, -1)]
        # nothing was captured before the session began
        return [self._nearest(time) for time in wanted if self._past[0].captured <= time + TOLERANCE]

    def _nearest(self, time: float) -> Frame:
        return min(self._past, key=lambda frame: abs(frame.captured - time))
