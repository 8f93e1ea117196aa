"""The roles that hardware and engines fill. Backends implement them; the pipeline knows nothing else of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from ngrt.messages import Array, Chunk, Frame, Guide, Image, PadState, Rumble, Tick, TimedChunk, Verdict
from ngrt.policy.spec import PolicySpec

PadKind = Literal["auto", "xbox", "ds4", "keyboard", "none"]
CaptureKind = Literal["auto", "dxgi", "winrt"]


SMALLEST = 64
"""Pixels a side; toolkits keep smaller windows of their own about, and no game draws in one."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window at the top level, as it is now.

    ``left``, ``top``, ``width``, ``height``: what the game draws (its client area), in physical pixels of the whole
    desktop. ``shown``: not minimised nor hidden. ``helper``: a tool window, an overlay, a dock or the like.
    ``process``: the file name of the program that owns it, "" where nobody knows.
    """

    number: int
    title: str
    pid: int | None
    process: str
    left: int
    top: int
    width: int
    height: int
    shown: bool = True
    helper: bool = False

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def playable(self) -> bool:
        """Whether a game could be in it."""
        return not self.helper and min(self.width, self.height) >= SMALLEST


Note = Callable[[str], object]
"""Told what is done or waited for before play begins."""


class EndOfSource(Exception):  # noqa: N818  (not a failure: a video has an end)
    """Raised by `FrameSource.grab` when there will be no more frames."""


class NothingToSee(Exception):  # noqa: N818  (not a failure: a window may be minimised)
    """Raised by `FrameSource.grab` while there is nothing to see; says what, and what would change it."""


class StoppedByPerson(Exception):  # noqa: N818  (not a failure either)
    """Ends a session at once: a person pressed the key for it."""


class FrameSource(Protocol):
    """Something that shows pictures: a screen, a video, a game."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    @property
    def interval(self) -> float:
        """Seconds between two new pictures: how often it is worth looking."""

    @property
    def age(self) -> float:
        """Seconds for which the picture returned last had been shown when it was returned; 0 where nobody knows."""

    def grab(self, now: float) -> Image | None:
        """Return the picture shown at ``now``, or None where it is the one returned last.

        Called from one thread only, with ``now`` never going back. May take as long as copying or decoding takes,
        never waits for the next picture.

        :raises EndOfSource: there will be no more
        :raises NothingToSee: there is none for now, and the pad should be neutral until there is
        :raises ngrt.errors.SourceError: the picture cannot be had
        """

    def close(self) -> None:
        """Let go of the device. May be called twice."""


@runtime_checkable
class WindowSource(FrameSource, Protocol):
    """A source that watches a window."""

    @property
    def number(self) -> int | None:
        """The window's number, None while it has none."""


class Policy(Protocol):
    """Turns an observation into a chunk of actions: an engine on this machine, or one far away."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    @property
    def spec(self) -> PolicySpec:
        """What it takes and gives: frames, games, rows and columns of a chunk."""

    @property
    def takes_guide(self) -> bool:
        """Whether a `Guide` pulls its chunks; if not, chunks are merged in a way that needs none."""

    @property
    def gate_failure(self) -> str:
        """Why it failed the gate that lossy engines must pass, and was made all the same; "" where it did not."""

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
        """Free the engine. May be called twice."""


class Pad(Protocol):
    """A gamepad that is driven, one state at a time."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    @property
    def rumble(self) -> Rumble:
        """What the game makes the pad's motors do now; still where it cannot."""

    def send(self, state: PadState) -> None:
        """Put the pad into ``state`` until the next call.

        :raises ngrt.errors.PadError: the device does not take it
        """

    def close(self) -> None:
        """Leave the pad neutral and let go of the device. May be called twice."""


class Desktop(Protocol):
    """The windows of a session on this machine. Used from any thread, by one at a time."""

    def windows(self) -> list[Window]:
        """Return every window at the top level, the one in front first.

        :raises ngrt.errors.SourceError: they cannot be listed
        """

    def window(self, number: int) -> Window | None:
        """Return a window as it is now, None once it is closed.

        :raises ngrt.errors.SourceError: the desktop is gone
        """

    def focused(self) -> int | None:
        """Return the number of the window that input goes to, None where none has it.

        :raises ngrt.errors.SourceError: the desktop is gone
        """

    def close(self) -> None:
        """Let go of the desktop. May be called twice."""


class Keys(Protocol):
    """The keyboard in a person's hands."""

    def pressed(self, name: str) -> bool:
        """Return whether the key ``name`` (such as ``F12``) is held down, or was since the last call.

        :raises ngrt.errors.SettingsError: there is no such key
        :raises ngrt.errors.SourceError: the keyboard cannot be read
        """

    def close(self) -> None:
        """Let go of the keyboard. May be called twice."""


class PersonPad(Protocol):
    """A real pad in a person's hands."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people; "" while there is none."""

    def state(self) -> PadState | None:
        """Return what the pad does now, None while there is none. Called from one thread only.

        :raises ngrt.errors.PadError: none can be read any more
        """

    def close(self) -> None:
        """Let go of the pad. May be called twice."""


class Watch(Protocol):
    """Something that may take the pad from the policy: the focus, a key, a person's own pad."""

    def poll(self, now: float) -> Verdict | None:
        """Return what the pad does instead of what the policy says, None where the policy may play.

        ``now``: seconds on a clock that never goes back. Called many times a second from a thread of its own.

        :raises StoppedByPerson: the session must end at once
        :raises ngrt.errors.NgrtError: it cannot be watched any more
        """

    def close(self) -> None:
        """Let go of what is watched. May be called twice."""


class Observer:
    """Is told of all that happens in a session. To be subclassed; what is not overridden does nothing.

    Every method is called in the thread where the thing happens, so several at a time, and must return at once: the
    session waits. What takes longer is wrapped in `ngrt.Queued`. An observer that raises is let go of, and the session
    goes on.
    """

    def frame(self, frame: Frame) -> None:
        """A new picture was captured; ``frame.image`` is all of it, before it is shrunk. It is never written to again.

        In the thread that captures. A picture that has not changed is not told of again.
        """

    def observation(self, frame: Frame, dropped: int) -> None:
        """Inference starts on ``frame``, shrunk to 256 x 256; ``dropped``: frames so far that newer ones replaced."""

    def chunk(self, chunk: TimedChunk) -> None:
        """A chunk is ready."""

    def tick(self, tick: Tick, missed: int) -> None:
        """The pad was put into ``tick.state``; ``missed`` ticks around it were not done. In the tick's thread."""

    def note(self, text: str) -> None:
        """Something goes wrong and is being dealt with; "" when it is over."""

    def event(self, text: str) -> None:
        """Something happened that a log should have."""
