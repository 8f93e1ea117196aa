"""A bundle's graphs under ONNX Runtime."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from ngrt.actions import decode
from ngrt.bundle import GraphName, Manifest, PolicySpec, check_graph, read_manifest
from ngrt.errors import BundleError, EngineError, ObservationError, SettingsError
from ngrt.messages import Array, Chunk, Guide, Image
from ngrt.preprocess import observation

NO_GAME = 0
"""The embedding row of a game nobody named."""

EMPTY_SLOT = -1
"""The game slot under guidance: zeros, in both branches."""


DENOISE_INPUTS = ("x", "modulation", "dt", "remaining", "mix", "prior", "weights", "guidance")

LEAST_THREADS = 8
"""Threads that may be asked for on any machine; far more than it has cores only wait for each other."""

MOST_STEPS = 1000
MOST_GUIDANCE = 100
MOST_NOISE = 1e6


@dataclass(frozen=True, slots=True)
class Observation:
    """What the observe graph made of the frames: everything a chunk's denoise steps share.

    ``context`` (B, L, Dv); ``keys_values`` by input name of the denoise graph; ``mix`` (B, B), how the velocities of
    the B branches combine: identity, or guidance.
    """

    context: Array
    keys_values: Mapping[str, npt.NDArray[np.floating]]
    mix: Array


class OnnxPolicy:
    """A policy from an engine bundle, on the CPU.

    :raises BundleError: the folder holds no bundle, or one that was changed or cannot be loaded
    """

    def __init__(self, folder: Path, threads: int | None = None, seed: int | None = None) -> None:
        most = max(LEAST_THREADS, os.cpu_count() or 1)
        if threads is not None and not 1 <= threads <= most:
            raise SettingsError(f"threads is {threads}; on this machine it must be from 1 to {most}")
        self.manifest = read_manifest(folder)
        self._random = np.random.default_rng(seed)
        self._modulations: dict[int, Array] = {}

        def load(name: GraphName) -> ort.InferenceSession:
            check_graph(folder, self.manifest.graphs[name])
            return _session(folder, self.manifest, name, threads)

        # side by side: hashing and loading the two large ones each keep a core busy for seconds
        with ThreadPoolExecutor(thread_name_prefix="ngrt-load") as pool:
            self._observe, self._denoise, self._schedule = pool.map(load, ("observe", "denoise", "schedule"))
        self._check_fit(folder)

    @property
    def spec(self) -> PolicySpec:
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
        the one before it (`ngrt.merging`).

        :raises ObservationError: any of them does not fit this policy
        :raises EngineError: ONNX Runtime failed
        """
        count = self._check_steps(steps)
        noise = self.draw_noise() if noise is None else self._check_noise(noise)
        observed = self.observe(frames, guidance, game)
        actions = self.denoise(observed, noise, count, guide)[0]
        if not np.isfinite(actions).all():  # a pad must never see them
            raise ObservationError(f"the policy's actions are not finite at guidance {guidance:g}; export it as fp32")
        return decode(actions, old_layout=self.spec.old_layout)

    def observe(self, frames: Sequence[Image], guidance: float = 1.0, game: str | None = None) -> Observation:
        """Return what the denoise steps need to know of ``frames``: run once per observation."""
        if hasattr(frames, "shape"):
            raise ObservationError("frames is one array; give a list of frames, for one of them: [frame]")
        limit = self.spec.context_frames
        if not 1 <= len(frames) <= limit:
            raise ObservationError(f"{len(frames)} frames given; this policy takes 1 to {limit}, oldest first")
        if not abs(guidance) <= MOST_GUIDANCE:
            raise ObservationError(f"guidance is {guidance}; it must be within {MOST_GUIDANCE} of 0, 1 for none")
        slot = self._game_slot(game)
        pictures = observation(frames, self.spec.image_size)
        if guidance == 1.0:
            return self._branch(pictures, slot)
        # The unguided branch sees the newest frame alone; neither branch sees the game.
        guided, unguided = self._branch(pictures, EMPTY_SLOT), self._branch(pictures[:, -1:], EMPTY_SLOT)
        both = {name: np.concatenate([value, unguided.keys_values[name]]) for name, value in guided.keys_values.items()}
        rows = [[1 + guidance, -guidance]] * 2
        return Observation(np.concatenate([guided.context, unguided.context]), both, np.array(rows, np.float32))

    def observe_each(self, pictures: npt.NDArray[np.uint8]) -> Observation:
        """Return what B separate observations come to: ``pictures`` (B, F, S, S, 3), already of the tower's size."""
        return self._branch(pictures, NO_GAME)

    def denoise(self, observed: Observation, noise: Array, steps: int, guide: Guide | None = None) -> Array:
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
        feed = {
            "dt": np.array(1 / steps, np.float32),
            "mix": observed.mix,
            "prior": prior,
            "weights": weights,
            **observed.keys_values,
        }
        for step, modulation in enumerate(self._schedule_of(steps)):
            feed |= {
                "x": x,
                "modulation": modulation,
                "remaining": np.array(1 - step / steps, np.float32),
                "guidance": np.array(strengths[step], np.float32),
            }
            (x,) = _run(self._denoise, ["next_x"], feed)
        return np.asarray(x, np.float32)

    def draw_noise(self) -> Array:
        """Return fresh noise (H, A) from the policy's own generator."""
        shape = (self.spec.action_horizon, self.spec.action_dim)
        return self._random.standard_normal(shape, np.float32)

    def close(self) -> None:
        """Free the sessions."""
        del self._schedule, self._observe, self._denoise

    def _branch(self, pictures: npt.NDArray[np.uint8], slot: int) -> Observation:
        feed: dict[str, npt.NDArray[np.generic]] = {"frames": pictures}
        if self.spec.game_token:
            feed["game"] = np.full(len(pictures), slot, np.int64)
        names = [output.name for output in self.manifest.graphs["observe"].outputs]
        outputs = dict(zip(names, _run(self._observe, names, feed), strict=True))
        return Observation(outputs.pop("context"), outputs, np.eye(len(pictures), dtype=np.float32))

    def _schedule_of(self, steps: int) -> Array:
        if steps not in self._modulations:
            # int(i / N * buckets) in double precision, exactly as the model was trained
            times = [int(i / steps * self.spec.timestep_buckets) for i in range(steps)]
            feed = {"timesteps": np.array(times, np.float32)}
            if len(self._modulations) >= 8:
                self._modulations.clear()
            (self._modulations[steps],) = _run(self._schedule, ["modulations"], feed)
        return self._modulations[steps]

    def _check_fit(self, folder: Path) -> None:
        """Check that the graphs take and give what the policy says of itself, so that the first chunk cannot fail.

        :raises BundleError: they do not
        """
        spec = self.spec
        keys_values = [f"{part}_{layer}" for layer in range(spec.cross_layers) for part in ("key", "value")]
        sees, steps = _shapes(self._observe.get_inputs()), _shapes(self._denoise.get_inputs())
        side = spec.image_size
        checks: list[tuple[str, list[Any], list[Any]]] = [
            ("inputs of observe", sorted(sees), ["frames", "game"] if spec.game_token else ["frames"]),
            ("outputs of observe", sorted(_shapes(self._observe.get_outputs())), sorted(["context", *keys_values])),
            ("inputs of denoise", sorted(steps), sorted([*DENOISE_INPUTS, *keys_values])),
            ("outputs of denoise", sorted(_shapes(self._denoise.get_outputs())), ["next_x"]),
            ("outputs of schedule", sorted(_shapes(self._schedule.get_outputs())), ["modulations"]),
            ("frame", sees.get("frames", [])[2:], [side, side, 3]),
            ("actions", steps.get("x", [])[1:], [spec.action_horizon, spec.action_dim]),
        ]
        for what, has, needs in checks:
            if has != needs:
                raise BundleError(
                    f"{folder}: {what}: the graphs have {has}, the policy {needs}; export the bundle again"
                )
        if sees["frames"][1] == 1 and spec.context_frames != 1:
            raise BundleError(f"{folder}: its graph takes 1 frame, its policy {spec.context_frames}; export it again")
        if spec.games and not spec.game_token:
            raise BundleError(f"{folder}: its policy names games and has no place for one; export the bundle again")

    def _check_steps(self, steps: int | None) -> int:
        count = self.spec.steps if steps is None else steps
        if not 1 <= count <= MOST_STEPS:
            raise ObservationError(f"steps is {count}; it must be from 1 to {MOST_STEPS}")
        return count

    def _check_noise(self, noise: Array) -> Array:
        shape = (self.spec.action_horizon, self.spec.action_dim)
        array = np.asarray(noise)
        if array.shape == (1, *shape):
            array = array[0]
        if array.shape != shape:
            raise ObservationError(f"noise has shape {array.shape}; this policy takes {shape}")
        if not np.issubdtype(array.dtype, np.floating):
            raise ObservationError(f"noise has dtype {array.dtype}; it must be float32")
        if not (np.abs(array) <= MOST_NOISE).all():  # also where it is NaN
            raise ObservationError(
                f"noise has values that are not within {MOST_NOISE:g} of 0; draw it from Normal(0, 1)"
            )
        return array.astype(np.float32)

    def _check_guide(self, guide: Guide, steps: int) -> None:
        horizon, columns = self.spec.action_horizon, self.spec.action_dim
        has = guide.prior.shape[-2:], guide.weights.shape, guide.strengths.shape
        needs = (horizon, columns), (horizon,), (steps,)
        if has != needs:
            raise ObservationError(f"guide has prior, weights and strengths of {has}; this policy takes {needs}")

    def _game_slot(self, game: str | None) -> int:
        if game is None:
            return NO_GAME
        if game not in self.spec.games:
            known = ", ".join(sorted(self.spec.games)[:8]) or "none"
            raise ObservationError(f"game {game!r} is not one this policy was trained on; it knows: {known}")
        return self.spec.games[game]


def _session(folder: Path, manifest: Manifest, name: GraphName, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    # each session has threads of its own: those of one must not spin, waiting, while those of the other work
    options.add_session_config_entry("session.force_spinning_stop", "1")
    path = folder / manifest.graphs[name].file
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base but Exception
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path} cannot be loaded ({reason}); export the bundle again") from error


def _run(session: ort.InferenceSession, names: list[str], feed: Mapping[str, npt.NDArray[np.generic]]) -> Any:
    try:
        return session.run(names, feed)
    except Exception as error:  # as above
        reason = " ".join(str(error).split())
        raise EngineError(f"the engine failed ({reason}); free memory, or export the bundle again") from error


def _shapes(tensors: Sequence[ort.NodeArg]) -> dict[str, list[int | str]]:
    return {tensor.name: tensor.shape for tensor in tensors}
