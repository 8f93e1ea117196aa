"""Which earlier frames a policy with a memory sees beside the newest one."""

from collections import deque

from ngrt.messages import Frame


class Context:
    """Keeps the frames of the last seconds and picks those a policy was trained to see together.

    ``length`` frames, ``spacing`` seconds apart. Early in a session the older ones are not there yet and are left out,
    which the policy takes as dropped.
    """

    def __init__(self, length: int, spacing: float) -> None:
        self._length = length
        self._spacing = spacing
        self._past: deque[Frame] = deque()

    def observe(self, frame: Frame) -> list[Frame]:
        """Add the newest frame and return the context, oldest first."""
        if self._length == 1:
            return [frame]
        oldest_wanted = frame.captured - (self._length - 1) * self._spacing
        self._past.append(frame)
        while len(self._past) > 1 and self._past[1].captured <= oldest_wanted:
            self._past.popleft()
        picked = [frame]
        for step in range(1, self._length):
            wanted = frame.captured - step * self._spacing
            older = [past for past in self._past if past.captured <= wanted]
            if not older:
                break
            picked.append(older[-1])
        return picked[::-1]
