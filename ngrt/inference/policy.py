"""A policy from an engine bundle: what it takes is checked, what an engine makes of it becomes a chunk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from ngrt.errors import BundleError, ObservationError
from ngrt.inference.engine import Engine, Observation, Plan, closed
from ngrt.messages import Array, Chunk, Guide, Image
from ngrt.policy.actions import decode
from ngrt.policy.bundle import Manifest
from ngrt.policy.preprocess import observation
from ngrt.policy.spec import GraphSpec
from ngrt.resource import Resource

NO_GAME = 0
"""The embedding row of a game nobody named."""

EMPTY_SLOT = -1
"""The game slot under guidance: zeros, in both branches."""

DENOISE_INPUTS = ("x", "modulation", "dt", "remaining", "mix", "prior", "weights", "guidance")

LONGEST = 2.0
"""Seconds that an engine's end waits for a chunk that is being made."""

MOST_STEPS = 1000
MOST_GUIDANCE = 100
MOST_NOISE = 1e6


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What denoising is conditioned on.

    ``encoded`` observations, B branches; ``mix`` (B, B): how their velocities combine, the identity or guidance.
    """

    encoded: Any
    mix: Array

    @property
    def context(self) -> Array:
        """The mixer's output (B, L, Dv)."""
        context: Array = self.encoded.context
        return context


class EnginePolicy(Resource):
    """A policy whose graphs ``engine`` runs. From several threads at once it is used one after the other.

    :raises BundleError: the graphs do not fit the policy that the manifest describes
    """

    def __init__(self, folder: Path, manifest: Manifest, engine: Engine[Any], seed: int | None = None) -> None:
        self.manifest, self.engine = manifest, engine
        self._folder = folder
        self._random = np.random.default_rng(seed)
        self._modulations: dict[int, Array] = {}
        self._turn, self._closed = RLock(), False
        self._check_fit(folder)

    @property
    def name(self) -> str:
        """The bundle's folder."""
        return self._folder.name

    @property
    def takes_guide(self) -> bool:
        """It does: that is part of every bundle's denoise graph."""
        return True

    @property
    def gate_failure(self) -> str:
        """Why it failed its gate and was written by force, "" where it did not."""
        gate = self.manifest.gate
        return "" if gate is None else gate.failure or ""

    @property
    def spec(self) -> GraphSpec:
        """What the policy takes and gives."""
        return self.manifest.policy

    def predict(
        self,
        frames: Sequence[Image],
        noise: Array | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        game: str | None = None,
        guide: Guide | None = None,
    ) -> Chunk:
        """Return the chunk of actions that follows ``frames``.

        ``frames``: one to ``spec.context_frames`` pictures (height, width, 3) uint8 RGB, oldest first; ``noise``
        (H, A) float32, drawn if None; ``steps`` denoise steps, the checkpoint's own if None; ``guidance`` scale of
        classifier-free guidance, 1 for none; ``game`` one of ``spec.games``; ``guide`` what pulls the chunk towards
        the one before it (`ngrt.control.merging`).

        :raises ObservationError: any of them does not fit this policy
        :raises EngineError: the engine failed, or was closed
        """
        count = self._check_steps(steps)
        noise = self.draw_noise() if noise is None else self._check_noise(noise)
        with self._turn:  # what a device has observed is there until the next observation
            observed = self.observe(frames, guidance, game)
            actions = self.denoise(observed, noise, count, guide)[0]
        if not np.isfinite(actions).all():  # a pad must never see them
            raise ObservationError(
                f"the policy's actions are not finite at guidance {guidance:g}",
                value=guidance,
                remedy="choose guidance nearer to 1, or export it as fp32",
            )
        return decode(actions, old_layout=self.spec.old_layout)

    def observe(self, frames: Sequence[Image], guidance: float = 1.0, game: str | None = None) -> Conditioning:
        """Return what the denoise steps need to know of ``frames``: run once per observation."""
        if hasattr(frames, "shape"):
            raise ObservationError("frames is one array", remedy="give a list of frames, for one of them: [frame]")
        limit = self.spec.context_frames
        if not 1 <= len(frames) <= limit:
            raise ObservationError(
                f"{len(frames)} frames given", value=len(frames), limit=f"this policy takes 1 to {limit}, oldest first"
            )
        if not abs(guidance) <= MOST_GUIDANCE:
            raise ObservationError(
                f"guidance is {guidance}", value=guidance, limit=f"it must be within {MOST_GUIDANCE} of 0, 1 for none"
            )
        slot = self._game_slot(game)
        pictures = observation(frames, self.spec.image_size)
        if guidance == 1.0:
            return Conditioning(self._encoded([self._observation(pictures, slot)]), np.eye(1, dtype=np.float32))
        # The unguided branch sees the newest frame alone; neither branch sees the game.
        observations = [self._observation(seen, EMPTY_SLOT) for seen in (pictures, pictures[:, -1:])]
        rows = [[1 + guidance, -guidance]] * 2
        return Conditioning(self._encoded(observations), np.array(rows, np.float32))

    def observe_each(self, pictures: npt.NDArray[np.uint8]) -> Conditioning:
        """Return what B separate observations come to: ``pictures`` (B, F, S, S, 3), already of the tower's size."""
        encoded = self._encoded([self._observation(pictures, NO_GAME)])
        return Conditioning(encoded, np.eye(len(pictures), dtype=np.float32))

    def denoise(self, observed: Conditioning, noise: Array, steps: int, guide: Guide | None = None) -> Array:
        """Return the actions (B, H, A) that ``steps`` Euler steps make of ``noise`` (H, A) or (B, H, A)."""
        branches, shape = len(observed.mix), (self.spec.action_horizon, self.spec.action_dim)
        x = np.ascontiguousarray(np.broadcast_to(noise, (branches, *shape)))
        prior, weights = np.zeros_like(x), np.zeros((branches, shape[0], 1), np.float32)
        strengths = np.zeros(steps, np.float32)
        if guide is not None:
            self._check_guide(guide, steps)
            prior = np.ascontiguousarray(np.broadcast_to(guide.prior, x.shape))
            weights[:] = guide.weights[:, None]
            strengths = guide.strengths
        with self._turns():
            plan = Plan(self.schedule(steps), observed.mix, prior, weights, strengths)
            return self.engine.denoise(observed.encoded, x, plan)

    def draw_noise(self) -> Array:
        """Return fresh noise (H, A) from the policy's own generator."""
        shape = (self.spec.action_horizon, self.spec.action_dim)
        return self._random.standard_normal(shape, np.float32)

    def schedule(self, steps: int) -> Array:
        """Return what depends on the denoise time alone (N, M), computed once for a number of steps."""
        with self._turns():
            if steps not in self._modulations:
                # int(i / N * buckets) in double precision, exactly as the model was trained
                times = [int(i / steps * self.spec.timestep_buckets) for i in range(steps)]
                if len(self._modulations) >= 8:
                    self._modulations.clear()
                self._modulations[steps] = self.engine.schedule(np.array(times, np.float32))
            return self._modulations[steps]

    def close(self) -> None:
        """Free the engine. A chunk that another thread is at is waited for, unless it hangs: that one is left behind.

        May be called twice.
        """
        self._closed = True
        if not self._turn.acquire(timeout=LONGEST):
            return
        try:
            self.engine.close()
        finally:
            self._turn.release()

    @contextmanager
    def _turns(self) -> Iterator[None]:
        """Use the engine alone for a while.

        :raises EngineError: it was closed
        """
        with self._turn:
            if self._closed:
                raise closed()
            yield

    def _encoded(self, observations: Sequence[Observation]) -> Any:
        with self._turns():
            return self.engine.observe(observations)

    def _observation(self, pictures: npt.NDArray[np.uint8], slot: int) -> Observation:
        return Observation(pictures, np.full(len(pictures), slot, np.int64) if self.spec.game_token else None)

    def _check_fit(self, folder: Path) -> None:
        """Check that the graphs take and give what the policy says of itself, so that the first chunk cannot fail.

        :raises BundleError: they do not
        """
        spec = self.spec
        keys_values = [f"{part}_{layer}" for layer in range(spec.cross_layers) for part in ("key", "value")]
        sees, gives = self.engine.signature("observe")
        steps, moved = self.engine.signature("denoise")
        side = spec.image_size
        checks: list[tuple[str, list[Any], list[Any]]] = [
            ("inputs of observe", sorted(sees), ["frames", "game"] if spec.game_token else ["frames"]),
            ("outputs of observe", sorted(gives), sorted(["context", *keys_values])),
            ("inputs of denoise", sorted(steps), sorted([*DENOISE_INPUTS, *keys_values])),
            ("outputs of denoise", sorted(moved), ["next_x"]),
            ("outputs of schedule", sorted(self.engine.signature("schedule")[1]), ["modulations"]),
            ("frame", list(sees.get("frames", ()))[2:], [side, side, 3]),
            ("actions", list(steps.get("x", ()))[1:], [spec.action_horizon, spec.action_dim]),
        ]
        for what, has, needs in checks:
            if has != needs:
                raise BundleError(
                    f"{folder}: {what}: the graphs have {has}, the policy {needs}", remedy="export the bundle again"
                )
        if sees["frames"][1] == 1 and spec.context_frames != 1:
            raise BundleError(
                f"{folder}: its graph takes 1 frame, its policy {spec.context_frames}", remedy="export it again"
            )
        if spec.games and not spec.game_token:
            raise BundleError(
                f"{folder}: its policy names games and has no place for one", remedy="export the bundle again"
            )

    def _check_steps(self, steps: int | None) -> int:
        count = self.spec.steps if steps is None else steps
        if not 1 <= count <= MOST_STEPS:
            raise ObservationError(f"steps is {count}", value=count, limit=f"it must be from 1 to {MOST_STEPS}")
        return count

    def _check_noise(self, noise: Array) -> Array:
        shape = (self.spec.action_horizon, self.spec.action_dim)
        array = np.asarray(noise)
        if array.shape == (1, *shape):
            array = array[0]
        if array.shape != shape:
            raise ObservationError(
                f"noise has shape {array.shape}", value=array.shape, limit=f"this policy takes {shape}"
            )
        if not np.issubdtype(array.dtype, np.floating):
            raise ObservationError(f"noise has dtype {array.dtype}", value=array.dtype, limit="it must be float32")
        if not (np.abs(array) <= MOST_NOISE).all():  # also where it is NaN
            raise ObservationError(
                f"noise has values that are not within {MOST_NOISE:g} of 0", remedy="draw it from Normal(0, 1)"
            )
        return array.astype(np.float32)

    def _check_guide(self, guide: Guide, steps: int) -> None:
        horizon, columns = self.spec.action_horizon, self.spec.action_dim
        has = guide.prior.shape[-2:], guide.weights.shape, guide.strengths.shape
        needs = (horizon, columns), (horizon,), (steps,)
        if has != needs:
            raise ObservationError(
                f"guide has prior, weights and strengths of {has}", value=has, limit=f"this policy takes {needs}"
            )

    def _game_slot(self, game: str | None) -> int:
        if game is None:
            return NO_GAME
        if game not in self.spec.games:
            known = ", ".join(sorted(self.spec.games)[:8]) or "none"
            raise ObservationError(
                f"game {game!r} is not one this policy was trained on", value=game, limit=f"it knows: {known}"
            )
        return self.spec.games[game]
