"""What an engine did where it was verified, on observations that are the same wherever they are made.

They need not be kept in the bundle: they come from a hash function, whose bytes no library's version changes.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import shake_256

import numpy as np

from ngrt.errors import BundleError
from ngrt.messages import Array, Image
from ngrt.policy.spec import Frozen, PolicySpec

SIDE = 256
"""Pixels of a picture's side: what every picture is shrunk to, so that nothing is done to these."""

COARSE = 16
"""Squares along a side of a picture."""

UNIFORMS = 12
"""Numbers from 0 to 1 whose sum, less 6, is near enough to Normal(0, 1)."""

TRIALS: tuple[tuple[bool, float], ...] = ((False, 1.0), (True, 1.0), (True, 1.5))
"""Whether all frames of a context and a game are given, and the guidance."""


class Reference(Frozen):
    """Actions (trials, H, A) that the engine gave where it was verified, float32 in base64; and ``where`` that was."""

    where: str
    actions: str

    @classmethod
    def of(cls, where: str, chunks: list[Array]) -> "Reference":
        """Return the reference that has ``chunks``, each (H, A)."""
        content = np.stack(chunks).astype("<f4").tobytes()
        return cls(where=where, actions=base64.b64encode(content).decode("ascii"))

    def chunks(self, spec: PolicySpec) -> list[Array]:
        """Return the chunks (H, A).

        :raises BundleError: they are not those of such a policy
        """
        shape = len(TRIALS), spec.action_horizon, spec.action_dim
        try:
            flat = np.frombuffer(base64.b64decode(self.actions, validate=True), "<f4")
            return list(flat.astype(np.float32).reshape(shape))
        except (binascii.Error, ValueError) as error:
            raise BundleError(
                "the manifest's reference actions are damaged", limit=f"they are {shape}", remedy="export again"
            ) from error


@dataclass(frozen=True)
class Trial:
    """One chunk to make: frames of 256 x 256, oldest first, noise (H, A), guidance, a game if the policy knows one."""

    frames: tuple[Image, ...]
    noise: Array
    guidance: float
    game: str | None


def trials(spec: PolicySpec) -> Iterator[Trial]:
    """Yield the observations for a policy, always the same for the same inputs and outputs."""
    for number, (whole, guidance) in enumerate(TRIALS):
        frames = tuple(_picture(f"{number} {frame}") for frame in range(spec.context_frames if whole else 1))
        game = max(spec.games, default=None) if whole and guidance == 1.0 else None
        yield Trial(frames, _noise(f"{number}", spec.action_horizon, spec.action_dim), guidance, game)


def _picture(name: str) -> Image:
    content = shake_256(f"ngrt picture {name}".encode()).digest(COARSE * COARSE * 3)
    coarse = np.frombuffer(content, np.uint8).reshape(COARSE, COARSE, 3)
    return coarse.repeat(SIDE // COARSE, 0).repeat(SIDE // COARSE, 1)


def _noise(name: str, horizon: int, columns: int) -> Array:
    content = shake_256(f"ngrt noise {name}".encode()).digest(2 * UNIFORMS * horizon * columns)
    sums = np.frombuffer(content, "<u2").reshape(horizon, columns, UNIFORMS).sum(-1, dtype=np.int64)
    noise: Array = (sums / 65536 - UNIFORMS / 2).astype(np.float32)
    return noise
