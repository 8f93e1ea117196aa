"""The three roles that hardware and engines fill. Backends implement them; the pipeline knows nothing else of them."""

from collections.abc import Sequence
from typing import Protocol

from ngrt.bundle import PolicySpec
from ngrt.messages import Array, Chunk, Guide, Image, PadState


class EndOfSource(Exception):  # noqa: N818  (not a failure: a video has an end)
    """Raised by `FrameSource.grab` when there will be no more frames."""


class FrameSource(Protocol):
    """Something that shows pictures: a screen, a video, a game."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    @property
    def interval(self) -> float:
        """Seconds between two new pictures: how often it is worth looking."""

    def grab(self, now: float) -> Image | None:
        """Return the picture shown at ``now``, or None where it is the one returned last.

        Called from one thread only, with ``now`` never going back. May take as long as copying or decoding takes,
        never waits for the next picture.

        :raises EndOfSource: there will be no more
        :raises ngrt.errors.SourceError: the picture cannot be had
        """

    def close(self) -> None:
        """Let go of the device. May be called twice."""


class Policy(Protocol):
    """An engine that turns an observation into a chunk of actions."""

    @property
    def spec(self) -> PolicySpec:
        """What the policy takes and gives."""

    def predict(
        self,
        frames: Sequence[Image],
        noise: Array | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        game: str | None = None,
        guide: Guide | None = None,
    ) -> Chunk:
        """Return one chunk for ``frames``, oldest first, pulled towards what ``guide`` says.

        :raises ngrt.errors.ObservationError: an argument does not fit the policy
        :raises ngrt.errors.EngineError: the engine failed
        """

    def draw_noise(self) -> Array:
        """Return fresh noise (H, A) for a chunk to start from."""

    def close(self) -> None:
        """Free the engine."""


class Pad(Protocol):
    """A gamepad that is driven, one state at a time."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    def send(self, state: PadState) -> None:
        """Put the pad into ``state`` until the next call.

        :raises ngrt.errors.PadError: the device does not take it
        """

    def close(self) -> None:
        """Leave the pad neutral and let go of the device. May be called twice."""
