"""ngrt plays games with the NitroGen policy in real time.

Reading order: `ngrt.messages` (what is passed), `ngrt.interfaces` (who passes it), `ngrt.pipeline.run` (the main loop),
`ngrt.control.timeline` (which row belongs to which tick), `ngrt.session.play` (where a session is put together),
`ngrt.cli` (the commands). ``export/`` turns a checkpoint into the engine bundle that `ngrt.policy.bundle` reads.

From Python::

    policy = ngrt.load_policy("engines/nitrogen")
    chunk = policy.predict([frame])      # frame: (height, width, 3) uint8 RGB
    chunk.pad(0)                         # what the gamepad should do first

    figures = ngrt.play(policy, source, pad, rate=30)    # in real time, with a source and a pad of your own
"""

from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ngrt.usage import switch_off as _switch_off

if TYPE_CHECKING:
    from ngrt.errors import NgrtError
    from ngrt.interfaces import EndOfSource, FrameSource, NothingToSee, Observer, Pad, Policy
    from ngrt.messages import NEUTRAL, STILL, Chunk, Frame, Guide, PadState, Rumble, Tick, TimedChunk
    from ngrt.pipeline.observer import Queued
    from ngrt.policy.actions import decode
    from ngrt.policy.bundle import AskedBackend
    from ngrt.policy.shipped import arcade_engine
    from ngrt.policy.spec import PolicySpec
    from ngrt.session.embedded import play, play_async
    from ngrt.session.snapshot import Snapshot

_switch_off()  # before a library is loaded that would report its use

__all__ = [
    "NEUTRAL",
    "STILL",
    "Chunk",
    "EndOfSource",
    "Frame",
    "FrameSource",
    "Guide",
    "NgrtError",
    "NothingToSee",
    "Observer",
    "Pad",
    "PadState",
    "Policy",
    "PolicySpec",
    "Queued",
    "Rumble",
    "Snapshot",
    "Tick",
    "TimedChunk",
    "arcade_engine",
    "decode",
    "load_policy",
    "play",
    "play_async",
]

_ROOMS = {
    "ngrt.errors": ("NgrtError",),
    "ngrt.interfaces": ("EndOfSource", "FrameSource", "NothingToSee", "Observer", "Pad", "Policy"),
    "ngrt.messages": (
        "NEUTRAL", "STILL", "Chunk", "Frame", "Guide", "PadState", "Rumble", "Tick", "TimedChunk",
    ),
    "ngrt.pipeline.observer": ("Queued",),
    "ngrt.policy.actions": ("decode",),
    "ngrt.policy.shipped": ("arcade_engine",),
    "ngrt.policy.spec": ("PolicySpec",),
    "ngrt.session.embedded": ("play", "play_async"),
    "ngrt.session.snapshot": ("Snapshot",),
}  # fmt: skip
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the public names when they are asked for: the command line is ready for Ctrl-C before numpy is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_policy(
    path: str | PathLike[str],
    *,
    backend: "AskedBackend" = "auto",
    threads: int | None = None,
    seed: int | None = None,
) -> "Policy":
    """Load the engine bundle in folder ``path``, its hashes checked.

    ``backend``: cpu, openvino, cuda or tensorrt; auto takes the best of those that can run it here, which of two on a
    processor is measured. ``threads``: how many the engine uses, all cores if None; ``seed``: makes the noise that
    `predict` draws repeatable.

    :raises ngrt.errors.BundleError: there is no bundle, or it was changed, or it cannot be loaded here
    :raises ngrt.errors.MissingExtraError: what runs it is not installed
    """
    from ngrt.inference.open import open_policy

    return open_policy(Path(path), backend=backend, threads=threads, seed=seed)
