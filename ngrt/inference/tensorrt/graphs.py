"""What is captured: the encoding of an observation, and all the denoise steps of a chunk. Each is one launch.

Memory is laid out so that nothing but frames, noise and actions crosses between host and device: the keys and values
that observe writes lie where denoise reads them, each observation's rows after those of the observation before.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ngrt.inference.cuda.driver import ALIGNMENT, Cuda
from ngrt.inference.cuda.memory import Mirror, row_width
from ngrt.inference.cuda.timing import Stopwatch
from ngrt.inference.engine import Observation, Plan
from ngrt.inference.on_device import Launches
from ngrt.inference.tensorrt.loaded import Context, LoadedEngine
from ngrt.messages import Array
from ngrt.policy.spec import GraphSpec
from ngrt.resource import Resource


@dataclass(frozen=True)
class Device:
    """What all graphs share: the GPU, the scratch memory of their contexts, the books and the stopwatch."""

    cuda: Cuda
    scratch: int | None
    launches: Launches
    watch: Stopwatch


class Buffers:
    """The context, keys and values of up to ``rows`` branches, on the device; ``row_shapes`` by name, of one branch."""

    def __init__(
        self,
        cuda: Cuda,
        things: ExitStack,
        rows: int,
        row_shapes: Mapping[str, tuple[int, ...]],
        itemsizes: Mapping[str, int],
    ) -> None:
        self.rows, self.row_shapes = rows, row_shapes
        self.row_bytes = {name: prod(shape) * itemsizes[name] for name, shape in row_shapes.items()}
        self._addresses = {name: cuda.allocate(things, rows * size) for name, size in self.row_bytes.items()}

    def address(self, name: str, row: int = 0) -> int:
        """Return where the row of a branch begins."""
        return self._addresses[name] + row * self.row_bytes[name]


class Captured(Resource):
    """Executions of one context that are captured when first wanted; freed with ``close``, when the device is idle."""

    def __init__(self, device: Device, engine: LoadedEngine) -> None:
        self.device, self.engine = device, engine
        self.things = ExitStack()
        self._graph: Any = None

    def launch(self, context: Context, once: Callable[[], None], work: Callable[[], None]) -> None:
        """Put the graph of ``work`` on the stream.

        ``once`` is run before it is captured: what the first execution of a context does cannot be, nor can compiling.
        """
        cuda = self.device.cuda
        if self._graph is None:
            once()
            cuda.wait()
            context.check_capturable(cuda.stream)
            self._graph = cuda.captured(self.things, work)
            self.engine.keep_kernels()
        cuda.launch(self._graph)

    def execute(self, context: Context) -> None:
        """Put one execution on the stream, or into the graph that is captured."""
        context.execute(self.device.cuda.stream)
        self.device.launches.enqueued += 1

    def close(self) -> None:
        """Free all of it."""
        self._graph = None
        self.things.close()


class ObserveGraph(Captured):
    """Sees B observations of F pictures, (B, F, S, S, 3), and writes what they come to at ``row`` and after."""

    def __init__(
        self, device: Device, engine: LoadedEngine, buffers: Buffers, row: int, pictures: tuple[int, ...]
    ) -> None:
        super().__init__(device, engine)
        fields: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {"frames": (pictures, np.uint8)}
        if "game" in engine.tensors:
            fields["game"] = (pictures[:1], np.int64)
        try:
            self._inputs = Mirror(device.cuda, self.things, fields)
            shapes = {name: shape for name, (shape, _) in fields.items()}
            self._context = engine.context(self.things, shapes, device.scratch)
            self._context.bind({name: self._inputs.address(name) for name in fields})
            self._moves = [self._bind(buffers, name, row, pictures[0]) for name in buffers.row_shapes]
        except BaseException:
            self.close()
            raise

    def run(self, observation: Observation) -> None:
        """Put the encoding of an observation on the stream."""
        device = self.device
        with device.watch.stage("observe", "in"):
            host = self._inputs.host
            host["frames"][:] = observation.pictures
            if observation.game is not None:
                host["game"][:] = observation.game
            self._inputs.upload()
        with device.watch.stage("observe", "compute"):
            self.launch(self._context, self._observe, self._observe)
        device.launches.observe_graphs += 1

    def _bind(self, buffers: Buffers, name: str, row: int, branches: int) -> tuple[int, int, int] | None:
        """Have an output written in its place; return the copy that brings it there, should the place be unaligned."""
        shape = self._context.shape(name)
        wanted = (branches, *buffers.row_shapes[name])
        self._context.demand(shape == wanted, f"give {name} of shape {wanted}, only {shape}")
        place, size = buffers.address(name, row), branches * buffers.row_bytes[name]
        if place % ALIGNMENT == 0:
            self._context.bind({name: place})
            return None
        aside = self.device.cuda.allocate(self.things, size)
        self._context.bind({name: aside})
        return place, aside, size

    def _observe(self) -> None:
        self.execute(self._context)
        for move in self._moves:
            if move is not None:
                self.device.cuda.move(*move)


class DenoiseGraph(Captured):
    """All N steps of a chunk of B branches: noise in, actions out."""

    def __init__(
        self, device: Device, engine: LoadedEngine, buffers: Buffers, policy: GraphSpec, branches: int, steps: int
    ) -> None:
        super().__init__(device, engine)
        self._steps = steps
        self._modulations: Array | None = None
        chunk = (branches, policy.action_horizon, policy.action_dim)
        (width,) = engine.sizes("modulation")
        shapes: dict[str, tuple[int, ...]] = {
            "x": chunk,
            "prior": chunk,
            "weights": (*chunk[:2], 1),
            "mix": (branches, branches),
            **{name: (branches, *buffers.row_shapes[name]) for name in engine.tensors if name in buffers.row_shapes},
        }
        changing = {name: (shapes[name], np.float32) for name in ("x", "prior", "weights", "mix")}
        rows = (steps, row_width(1))
        cuda = device.cuda
        try:
            # what stays for a number of steps, then what comes with each chunk; of a value a step, each has its row
            self._fixed = Mirror(
                cuda,
                self.things,
                {
                    "dt": ((), np.float32),
                    "remaining": (rows, np.float32),
                    "modulation": ((steps, row_width(width)), np.float32),
                },
            )
            self._inputs = Mirror(cuda, self.things, changing | {"guidance": (rows, np.float32)})
            size = prod(chunk) * 4
            self._x = self._inputs.address("x"), cuda.allocate(self.things, size)
            self._pinned = cuda.pin(self.things, size)
            self._actions = self._pinned.view(np.float32).reshape(chunk)
            self._context = engine.context(self.things, shapes, device.scratch)
            self._bind_all(buffers, shapes)
        except BaseException:
            self.close()
            raise

    def run(self, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A)."""
        device, watch = self.device, self.device.watch
        with watch.stage("denoise", "in"):
            if self._modulations is not plan.modulations:
                self._fix(plan)
            host = self._inputs.host
            host["x"][:] = noise
            host["prior"][:], host["weights"][:], host["mix"][:] = plan.prior, plan.weights, plan.mix
            host["guidance"][:, 0] = plan.strengths
            self._inputs.upload()
        with watch.stage("denoise", "compute"):
            self.launch(self._context, lambda: self._step(0), self._all_steps)
        device.launches.denoise_graphs += 1
        device.launches.steps += self._steps
        with watch.stage("denoise", "out"):
            device.cuda.download(self._pinned, self._x[self._steps % 2])
        watch.stop("denoise")
        device.cuda.wait()
        watch.read()
        return self._actions.copy()

    def _fix(self, plan: Plan) -> None:
        host = self._fixed.host
        host["dt"][...] = 1 / self._steps
        host["remaining"][:, 0] = [plan.remaining(step) for step in range(self._steps)]
        host["modulation"][:, : plan.modulations.shape[1]] = plan.modulations
        self._fixed.upload()
        self._modulations = plan.modulations

    def _bind_all(self, buffers: Buffers, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Bind what is the same for all steps."""
        self._context.bind({name: self._inputs.address(name) for name in ("prior", "weights", "mix")})
        self._context.bind({name: buffers.address(name) for name in shapes if name in buffers.row_shapes})
        self._context.bind({"dt": self._fixed.address("dt")})

    def _step(self, step: int) -> None:
        """One step: from one of the two x to the other."""
        self._context.bind(
            {
                "x": self._x[step % 2],
                "next_x": self._x[(step + 1) % 2],
                "modulation": self._fixed.address("modulation", step),
                "remaining": self._fixed.address("remaining", step),
                "guidance": self._inputs.address("guidance", step),
            }
        )
        self.execute(self._context)

    def _all_steps(self) -> None:
        for step in range(self._steps):
            self._step(step)
