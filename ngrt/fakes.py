"""A source, a pad, a policy, a desktop, a keyboard without hardware or weights: for demonstrations, tests, benchmarks.

They are deterministic, run in virtual time as well as in real time, and can be told to fail.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ngrt.errors import ObservationError, PadError, SourceError
from ngrt.interfaces import EndOfSource, Window
from ngrt.messages import Array, Chunk, Guide, Image, PadState
from ngrt.pads.recording import RecordingPad
from ngrt.policy.actions import BUTTON_NAMES, decode
from ngrt.policy.spec import PolicySpec
from ngrt.resource import Resource

BACKGROUND = (24, 28, 48)
BAR = (255, 255, 255)
LAP = 64
"""Frames in which the bar crosses the picture."""


class FakeSource(Resource):
    """A white bar that crosses a dark picture from left to right, again and again.

    ``frames``: pictures until the end, None for no end; ``fail_at``: the picture that cannot be had.
    """

    name = "fake source"
    age = 0.0

    def __init__(
        self,
        rate: float = 60.0,
        size: tuple[int, int] = (144, 256),
        frames: int | None = None,
        fail_at: int | None = None,
    ) -> None:
        self.interval = 1 / rate
        self._size = size
        self._frames = frames
        self._fail_at = fail_at
        self._began: float | None = None
        self._shown = -1
        self.closed = False

    def grab(self, now: float) -> Image | None:
        """Return the picture due at ``now``, or None where it was returned before."""
        if self._began is None:
            self._began = now
        index = int((now - self._began) / self.interval + 1e-6)
        if self._frames is not None and index >= self._frames:
            raise EndOfSource
        if self._fail_at is not None and index >= self._fail_at:
            raise SourceError(f"fake source fails at picture {self._fail_at}, as it was told to")
        if index == self._shown:
            return None
        self._shown = index
        return self.picture(index)

    def picture(self, index: int) -> Image:
        """Return picture ``index``."""
        height, width = self._size
        image = np.empty((height, width, 3), np.uint8)
        image[:] = BACKGROUND
        left = index % LAP * width // LAP
        image[:, left : left + max(1, width // 16)] = BAR
        return image

    def close(self) -> None:
        """Note that the source was closed."""
        self.closed = True


class FakePad(RecordingPad):
    """Records what it is sent; ``fail_at``: the call that fails, counted from 0."""

    name = "fake pad"

    def __init__(self, fail_at: int | None = None) -> None:
        super().__init__()
        self._fail_at = fail_at
        self.closed = False

    def send(self, state: PadState) -> None:
        """Record ``state``, or fail once."""
        if self.count == self._fail_at:
            self._fail_at = None
            raise PadError("fake pad fails, as it was told to")
        super().send(state)

    def close(self) -> None:
        """Leave the pad neutral."""
        super().close()
        self.closed = True


class FakePolicy(Resource):
    """Points the left stick at the brightest column of the newest frame, and presses SOUTH while that is to the right.

    All rows of a chunk are alike; no other argument changes anything, and no guide is taken. ``latency``: seconds a
    chunk takes, let pass by ``sleep`` (`time.sleep`, or a virtual clock's); ``fail_at``: the call that fails, counted
    from 0.
    """

    def __init__(
        self,
        latency: float = 0.0,
        sleep: Callable[[float], object] = lambda seconds: None,
        spec: PolicySpec | None = None,
        fail_at: int | None = None,
    ) -> None:
        self.spec = spec or PolicySpec(action_dim=25, action_horizon=18)
        self.name, self.takes_guide, self.gate_failure = "fake policy", False, ""
        self.calls = 0
        self.closed = False
        self._latency = latency
        self._sleep = sleep
        self._fail_at = fail_at

    def predict(
        self,
        frames: Sequence[Image],
        noise: Array | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        game: str | None = None,
        guide: Guide | None = None,
    ) -> Chunk:
        """Return one chunk for ``frames``, oldest first, after the latency has passed."""
        call, self.calls = self.calls, self.calls + 1
        self._sleep(self._latency)
        if call == self._fail_at:
            raise ObservationError(f"fake policy fails at chunk {call}, as it was told to")
        columns = frames[-1].mean(axis=(0, 2))
        where = float(columns.argmax()) / (len(columns) - 1)
        return self._chunk(where)

    def draw_noise(self) -> Array:
        """Return noise (H, A), always the same."""
        shape = (self.spec.action_horizon, self.spec.action_dim)
        return np.random.default_rng(0).standard_normal(shape, np.float32)

    def close(self) -> None:
        """Note that the policy was closed."""
        self.closed = True

    def _chunk(self, where: float) -> Chunk:
        names = BUTTON_NAMES[self.spec.action_dim]
        sticks = np.array([where, 0.5, 0.5, 0.5], np.float32)
        buttons = np.zeros(len(names), np.float32)
        buttons[names.index("SOUTH")] = where > 0.5
        parts = (sticks, buttons) if self.spec.old_layout else (buttons, sticks)
        row = np.concatenate(parts)
        actions = np.repeat(row[None], self.spec.action_horizon, axis=0)
        return decode(actions, old_layout=self.spec.old_layout)


class FakeDesktop(Resource):
    """Windows that are what they are said to be; the first is in front, ``focus`` has the focus."""

    def __init__(self, windows: Iterable[Window] = (), focus: int | None = None) -> None:
        self.shown = list(windows)
        self.focus = focus
        self.gone = False
        self.closed = False

    def windows(self) -> list[Window]:
        """Return the windows, or fail where the desktop is said to be gone."""
        if self.gone:
            raise SourceError("fake desktop is gone, as it was told to be")
        return list(self.shown)

    def window(self, number: int) -> Window | None:
        """Return one of the windows."""
        return next((window for window in self.windows() if window.number == number), None)

    def focused(self) -> int | None:
        """Return the number of the window with the focus."""
        self.windows()
        return self.focus

    def close(self) -> None:
        """Note that the desktop was closed."""
        self.closed = True


class FakeKeys(Resource):
    """A keyboard on which the keys in ``down`` are held."""

    def __init__(self, down: Iterable[str] = ()) -> None:
        self.down = set(down)
        self.closed = False

    def pressed(self, name: str) -> bool:
        """Return whether the key is held."""
        return name in self.down

    def close(self) -> None:
        """Note that the keyboard was closed."""
        self.closed = True
