"""Memory on the device that a policy's graphs hand to each other: keys and values, and what fills and reads them."""

import numpy as np
import numpy.typing as npt

from ngrt.inference.engine import Observation, Plan
from ngrt.inference.on_device import Kept
from ngrt.inference.onnx.device import ALIGNMENT, FLOAT, INT64, UINT8, Buffer, DeviceGraph, Pack, Place
from ngrt.messages import Array
from ngrt.policy.spec import GraphSpec

MOST_OBSERVES, MOST_CHUNKS = 8, 8
"""Shapes of observations and numbers of steps whose memory is kept, of each number of branches."""


class Rows:
    """What observe gives for B branches, where every observation and chunk of so many branches finds it."""

    def __init__(self, observe: DeviceGraph, branches: int) -> None:
        self.branches = branches
        self.buffers = {
            name: Buffer(observe.device, observe.kind(name), (branches, *tensor.shape[1:]))
            for name, tensor in observe.outputs.items()
        }
        self.observes = Kept[tuple[int, tuple[int, ...]], BoundObserve](MOST_OBSERVES)
        self.chunks = Kept[int, BoundChunk](MOST_CHUNKS)

    def context(self) -> Array:
        """Return a copy of the context (B, L, Dv)."""
        return np.asarray(self.buffers["context"].read(), np.float32)


class BoundObserve:
    """The observe graph for pictures of one shape, filling rows from ``start``."""

    def __init__(
        self, observe: DeviceGraph, rows: Rows, start: int, pictures: tuple[int, ...], *, capture: bool
    ) -> None:
        count, self._launches = pictures[0], observe.launches
        self._frames = Buffer(observe.device, UINT8, pictures)
        self._game = Buffer(observe.device, INT64, (count,)) if "game" in observe.inputs else None
        inputs = {"frames": self._frames.place()}
        if self._game is not None:
            inputs["game"] = self._game.place()
        outputs = {name: buffer.place(start, count) for name, buffer in rows.buffers.items()}
        self._bound = observe.bound(inputs, outputs, capture=capture)

    def run(self, observation: Observation, *, wait: bool) -> None:
        """Encode the observation into its rows."""
        self._frames.write(observation.pictures)
        if self._game is not None and observation.game is not None:
            self._game.write(observation.game)
        self._launches.observe_graphs += self._bound.run(wait=wait)


class BoundChunk:
    """The denoise graph, N times over: each step reads its own row of the modulations and what the last one wrote.

    What changes from chunk to chunk is one copy to the device.
    """

    def __init__(self, denoise: DeviceGraph, rows: Rows, spec: GraphSpec, steps: int, *, capture: bool) -> None:
        branches, shape = rows.branches, (rows.branches, spec.action_horizon, spec.action_dim)
        self._width = int(denoise.inputs["modulation"].shape[0])
        padded = -(-self._width // ALIGNMENT) * ALIGNMENT
        # a row of its own for each scalar: a kernel may read whole vectors at a time
        self._steady = Pack(
            denoise.device,
            {"modulations": (steps, padded), "remaining": (steps, ALIGNMENT), "dt": (1, ALIGNMENT)},
        )
        self._given = Pack(
            denoise.device,
            {
                "x": shape,
                "mix": (branches, branches),
                "prior": shape,
                "weights": (branches, shape[1], 1),
                "strengths": (steps, ALIGNMENT),
            },
        )
        self._between = [Buffer(denoise.device, FLOAT, shape) for _ in range(2)]
        self._launches = denoise.launches
        self._modulations: npt.NDArray[np.float32] | None = None
        self._result = self._between[steps % 2]
        shared = {name: rows.buffers[name].place() for name in rows.buffers if name in denoise.inputs}
        self._steps = [
            denoise.bound(
                shared | self._inputs_of(step),
                {"next_x": self._between[(step + 1) % 2].place()},
                capture=capture,
            )
            for step in range(steps)
        ]

    def run(self, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""
        self._write(noise, plan)
        last = len(self._steps) - 1
        replays = [step.run(wait=number == last) for number, step in enumerate(self._steps)]
        self._launches.steps += sum(replays)
        self._launches.denoise_graphs += all(replays)
        return np.asarray(self._result.read(), np.float32)

    def _inputs_of(self, step: int) -> dict[str, Place]:
        steady, given = self._steady, self._given
        return {
            "x": given.place("x") if step == 0 else self._between[step % 2].place(),
            "modulation": steady.place("modulations", step, (self._width,)),
            "remaining": steady.place("remaining", step, ()),
            "dt": steady.place("dt", 0, ()),
            "guidance": given.place("strengths", step, ()),
            **{name: given.place(name) for name in ("mix", "prior", "weights")},
        }

    def _write(self, noise: Array, plan: Plan) -> None:
        if plan.modulations is not self._modulations:
            host = self._steady.host
            host["modulations"][:, : self._width] = plan.modulations
            host["remaining"][:, 0] = [plan.remaining(step) for step in range(plan.steps)]
            host["dt"][:, 0] = 1 / plan.steps
            self._steady.write()
            self._modulations = plan.modulations
        host = self._given.host
        host["x"][:], host["mix"][:], host["prior"][:], host["weights"][:] = noise, plan.mix, plan.prior, plan.weights
        host["strengths"][:, 0] = plan.strengths
        self._given.write()
