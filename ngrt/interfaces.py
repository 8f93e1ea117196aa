"""The roles that devices, policies and observers fill. The pipeline knows them by these roles alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from ngrt.messages import Array, Chunk, Frame, Guide, Image, PadState, Rumble, Tick, TimedChunk, Verdict
from ngrt.policy.spec import PolicySpec

PadKind = Literal["auto", "xbox", "ds4", "keyboard", "none"]
CaptureKind = Literal["auto", "dxgi", "winrt"]


SMALLEST = 64
"""Pixels a side of the smallest window that can be a game's; toolkits keep smaller ones of their own."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window at the top level, as it is now.

    ``left``, ``top``, ``width``, ``height``: the part that the game draws (its client area), in physical pixels of the
    whole desktop. ``shown``: neither minimised nor hidden. ``helper``: a tool window, an overlay, a dock or the like.
    ``process``: the file name of the program that owns it, "" if unknown; ``also``: what else that goes by.
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
    also: tuple[str, ...] = ()

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def playable(self) -> bool:
        """Whether it could be a game's."""
        return not self.helper and min(self.width, self.height) >= SMALLEST


Note = Callable[[str], object]
"""Is called with a line on what is done or waited for before play begins."""


class EndOfSource(Exception):  # noqa: N818  (not a failure: a video has an end)
    """Raised by `FrameSource.grab` when there are no more frames."""


class NothingToSee(Exception):  # noqa: N818  (not a failure: a window may be minimised)
    """Raised by `FrameSource.grab` while there is nothing to see; its text says why, and what would change it."""


class StoppedByPerson(Exception):  # noqa: N818  (not a failure either)
    """Ends a session at once: a person pressed the key for it."""


class FrameSource(Protocol):
    """Something that shows pictures: a screen, a video, a game."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    @property
    def interval(self) -> float:
        """Seconds between two new pictures: grabbing more often is of no use."""

    @property
    def age(self) -> float:
        """Seconds that the last returned picture had been on show when `grab` returned it; 0 if unknown."""

    def grab(self, now: float) -> Image | None:
        """Return the picture shown at ``now``, or None if it has not changed since the last call.

        Called from one thread only; ``now`` never goes back. It may copy or decode, but never waits for the next
        picture.

        :raises EndOfSource: there are no more pictures
        :raises NothingToSee: there is no picture for now; the pad is neutral until there is one
        :raises ngrt.errors.SourceError: the picture cannot be captured
        """

    def close(self) -> None:
        """Let go of the device. May be called twice."""


@runtime_checkable
class WindowSource(FrameSource, Protocol):
    """A source that captures a window."""

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
        """Its inputs and outputs: frames, games, rows and columns of a chunk."""

    @property
    def takes_guide(self) -> bool:
        """Whether a `Guide` can pull its chunks. If not, chunks are merged in a way that needs no guide."""

    @property
    def gate_failure(self) -> str:
        """Why this engine failed the gate that lossy engines must pass, if it was written by force; else ""."""

    def predict(
        self,
        frames: Sequence[Image],
        noise: Array | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        game: str | None = None,
        guide: Guide | None = None,
    ) -> Chunk:
        """Return one chunk for ``frames``, oldest first, pulled towards ``guide``.

        :raises ngrt.errors.ObservationError: an argument does not fit the policy
        :raises ngrt.errors.EngineError: the engine failed
        """

    def draw_noise(self) -> Array:
        """Return fresh noise (H, A) float32 for a chunk to start from."""

    def close(self) -> None:
        """Free the engine. May be called twice."""


class Pad(Protocol):
    """A gamepad that ngrt drives, one state at a time."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people."""

    @property
    def rumble(self) -> Rumble:
        """How strongly the game runs the pad's motors now; still for a pad without motors."""

    def send(self, state: PadState) -> None:
        """Put the pad into ``state`` until the next call.

        :raises ngrt.errors.PadError: the device refused it
        """

    def close(self) -> None:
        """Leave the pad neutral and let go of the device. May be called twice."""


class Desktop(Protocol):
    """The windows on this machine's desktop. Used from any thread, by one at a time."""

    def windows(self) -> list[Window]:
        """Return every window at the top level, the one in front first.

        :raises ngrt.errors.SourceError: they cannot be listed
        """

    def window(self, number: int) -> Window | None:
        """Return a window as it is now, None if it is closed.

        :raises ngrt.errors.SourceError: the desktop is gone
        """

    def focused(self) -> int | None:
        """Return the number of the window that has the focus, None if none has.

        :raises ngrt.errors.SourceError: the desktop is gone
        """

    def close(self) -> None:
        """Let go of the desktop. May be called twice."""


class Locks(Protocol):
    """Knows whether the session is locked: keys would then go to what locks it, as parts of a password."""

    def reason(self, game: int | None) -> str | None:
        """Return why keys would not reach the game, in words, None where they would; ``game``: its window's number.

        :raises ngrt.errors.SourceError: it cannot be told any more
        """

    def close(self) -> None:
        """Let go of what is asked. May be called twice."""


class Keys(Protocol):
    """A person's keyboard, read."""

    def pressed(self, name: str) -> bool:
        """Return whether the key ``name`` (such as ``F12``) is held down, or was since the last call.

        :raises ngrt.errors.SettingsError: there is no such key
        :raises ngrt.errors.SourceError: the keyboard cannot be read
        """

    def close(self) -> None:
        """Let go of the keyboard. May be called twice."""


class PersonPad(Protocol):
    """A person's real pad, read."""

    @property
    def name(self) -> str:
        """What it is, in a few words for people; "" while none is plugged in."""

    def state(self) -> PadState | None:
        """Return the pad's state now, None while none is plugged in. Called from one thread only.

        :raises ngrt.errors.PadError: no pad can be read any more
        """

    def close(self) -> None:
        """Let go of the pad. May be called twice."""


class Watch(Protocol):
    """A guard: it watches something that may take the pad from the policy (the focus, a key, a person's own pad)."""

    def poll(self, now: float) -> Verdict | None:
        """Return what the pad must do in place of the policy's state, None while the policy may play.

        ``now``: seconds on a clock that never goes back. Called many times a second, in a thread of its own.

        :raises StoppedByPerson: the session must end at once
        :raises ngrt.errors.NgrtError: it cannot be watched any more
        """

    def close(self) -> None:
        """Let go of the device that is watched. May be called twice."""


class Observer:
    """Is told of everything that happens in a session. Subclass it and override what you need; the rest does nothing.

    Each method is called in the thread where the event happens, so several may run at a time. It must return at once:
    the session waits. Wrap a slow observer in `ngrt.Queued`. One that raises is told nothing more; the session goes on.
    """

    def frame(self, frame: Frame) -> None:
        """A new picture was captured. ``frame.image`` is the full picture before it is shrunk; nobody changes it later.

        Called in the thread that captures. A picture that has not changed is not reported again.
        """

    def observation(self, frame: Frame, dropped: int) -> None:
        """Inference starts on ``frame``, 256 x 256; ``dropped``: how many frames newer ones have replaced so far."""

    def chunk(self, chunk: TimedChunk) -> None:
        """A chunk is ready."""

    def tick(self, tick: Tick, missed: int) -> None:
        """The pad was put into ``tick.state``; ``missed`` ticks next to it were skipped. In the tick's thread."""

    def note(self, text: str) -> None:
        """Something is wrong, and ngrt tries to mend it; "" once it is mended."""

    def event(self, text: str) -> None:
        """Something happened that belongs in a log."""
