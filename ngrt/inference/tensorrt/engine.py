"""A bundle's engines under TensorRT, of either edition, on one NVIDIA GPU.

Frames go to the device and actions come back; nothing else crosses but noise and a few numbers a chunk. A look is one
captured graph, all the denoise steps of a chunk are another, and the host waits once a chunk, for the actions.

This has never been run on a GPU. It is checked against the libraries' own signatures (TensorRT for RTX 1.7 and
cuda-python 13), and whole chunks are compared with ONNX Runtime's on a stand-in for CUDA and TensorRT that refuses what
they refuse. TensorRT itself has not been imported so far; its names are those of its documentation.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from ngrt.errors import BundleError, EngineError
from ngrt.inference.cuda.driver import Cuda, open_cuda
from ngrt.inference.cuda.timing import StageTimes, Stopwatch
from ngrt.inference.engine import Look, Plan, Shapes
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.tensorrt.edition import Toolkit, check_fit, load_toolkit, rebuild
from ngrt.inference.tensorrt.graphs import Buffers, Captured, Counts, DenoiseGraph, Device, ObserveGraph
from ngrt.inference.tensorrt.loaded import LoadedEngine, Source
from ngrt.messages import Array
from ngrt.policy.bundle import GraphName, Manifest

MOST_GRAPHS = 8
"""Graphs that are kept of each kind; that of a shape or number of steps not used for longest is freed for a new one."""

FLOATS = ("x", "modulation", "dt", "remaining", "mix", "prior", "weights", "guidance", "next_x", "context")
"""Tensors that are float32 in an engine of any precision."""


@dataclass(frozen=True, slots=True)
class Launches:
    """What an engine has launched since it was opened; a benchmark asserts that what it timed was compiled.

    ``steps``: executions within the denoise graphs launched, N a chunk; ``enqueued``: executions that TensorRT was
    asked for, to capture them or before a capture, and none once every graph is there; ``waits``: of the host for the
    device.
    """

    observe_graphs: int
    denoise_graphs: int
    steps: int
    enqueued: int
    waits: int


class DeviceSeen:
    """What the looks came to, on the device, until the next observation replaces it."""

    def __init__(self, engine: "TensorRtEngine", number: int, branches: int) -> None:
        self._engine, self.number, self.branches = engine, number, branches

    @property
    def context(self) -> Array:
        """The mixer's output (B, L, Dv), copied from the device.

        :raises EngineError: another observation has replaced it
        """
        return self._engine.context_of(self)


C = TypeVar("C", bound=Captured)


class Kept(Generic[C]):
    """At most `MOST_GRAPHS` graphs, by what they were captured for."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._graphs: OrderedDict[Hashable, C] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], C]) -> C:
        """Return the graph for ``key``, made if there is none."""
        if key not in self._graphs:
            if len(self._graphs) >= MOST_GRAPHS:
                self._cuda.wait()  # it may be running
                self._graphs.popitem(last=False)[1].close()
            self._graphs[key] = make()
        self._graphs.move_to_end(key)
        return self._graphs[key]

    def close(self) -> None:
        """Free all of them."""
        while self._graphs:
            self._graphs.popitem()[1].close()


class TensorRtEngine:
    """TensorRT or TensorRT for RTX, as the bundle's target says. ``timed``: measure the stages of each chunk (`times`).

    Called from one thread at a time, not always the same one.

    :raises MissingExtraError: the edition or cuda-python is not installed
    :raises BundleError: there is no NVIDIA GPU, or the engines were built by or for another than are here
    :raises EngineError: the GPU fails, as it does when it has too little memory
    """

    def __init__(self, folder: Path, manifest: Manifest, *, timed: bool = False) -> None:
        self._things = ExitStack()
        self._seen = 0  # the number of the newest observation
        self._closed = False
        try:
            toolkit = load_toolkit(manifest.target)
            self._cuda = open_cuda(toolkit.edition.extra, str(folder))
            self._things.callback(self._cuda.close)
            check_fit(toolkit, self._cuda, folder, manifest)
            self._open(toolkit, folder, manifest, timed)
        except BaseException:
            self.close()
            raise

    def _open(self, toolkit: Toolkit, folder: Path, manifest: Manifest, timed: bool) -> None:
        cuda, things = self._cuda, self._things
        self.name = f"{toolkit.name}, {cuda.name}"
        self._policy = manifest.policy
        self._host = OnnxEngine(folder, manifest, 1, graphs=("schedule",))

        def load(name: GraphName) -> LoadedEngine:
            source = Source(folder, manifest.graphs[name], rebuild(manifest, cuda.capability))
            engine = LoadedEngine(toolkit, cuda, source)
            things.callback(engine.close)
            return engine

        self._engines: dict[GraphName, LoadedEngine] = {name: load(name) for name in ("observe", "denoise")}
        _check_types(toolkit, folder, self._engines)
        scratch = max(engine.scratch for engine in self._engines.values())
        self._counts = Counts()
        self._watch = Stopwatch(cuda, things, on=timed)
        self._device = Device(cuda, cuda.allocate(things, scratch) if scratch else None, self._counts, self._watch)
        self._buffers = _buffers(cuda, things, manifest, self._engines)
        self._looks: Kept[ObserveGraph] = Kept(cuda)
        self._chunks: Kept[DenoiseGraph] = Kept(cuda)
        things.callback(self._looks.close)
        things.callback(self._chunks.close)
        things.callback(self._settle)

    @property
    def launches(self) -> Launches:
        """What has been launched so far."""
        counts = self._counts
        return Launches(counts.observe_graphs, counts.denoise_graphs, counts.steps, counts.enqueued, self._cuda.waits)

    @property
    def times(self) -> StageTimes | None:
        """How long the last chunk's stages took; None unless the engine is ``timed`` and has made one."""
        return self._watch.times

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return what ``graph`` takes and gives, as it was loaded."""
        return self._host.signature(graph) if graph == "schedule" else self._engines[graph].signature()

    def schedule(self, timesteps: Array) -> Array:
        """Return the modulations (N, M) at ``timesteps`` (N,)."""
        return self._host.schedule(timesteps)

    def observe(self, looks: Sequence[Look]) -> DeviceSeen:
        """Put the looks on the device's stream; return where what they come to will be, their rows in order."""
        branches = sum(len(look.pictures) for look in looks)
        if branches > self._buffers.rows:
            raise EngineError(f"{branches} branches at once; this engine takes up to {self._buffers.rows}")
        self._enter()
        self._watch.start("observe")
        self._seen += 1
        row = 0
        for look in looks:
            self._look(row, look.pictures.shape).run(look)
            row += len(look.pictures)
        self._watch.stop("observe")
        return DeviceSeen(self, self._seen, branches)

    def denoise(self, seen: DeviceSeen, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""
        self._enter(seen)
        self._watch.start("denoise")
        return self._chunk(seen.branches, plan.steps).run(noise, plan)

    def context_of(self, seen: DeviceSeen) -> Array:
        """Return the context (B, L, Dv) of the newest observation, copied from the device."""
        self._enter(seen)
        shape = (seen.branches, *self._buffers.row_shapes["context"])
        with ExitStack() as things:
            pinned = self._cuda.pin(things, seen.branches * self._buffers.row_bytes["context"])
            self._cuda.download(pinned, self._buffers.address("context"))
            self._cuda.wait()
            return pinned.view(np.float32).reshape(shape).copy()

    def close(self) -> None:
        """Free the device: graphs, then what they point to. May be called twice."""
        self._closed = True
        self._things.close()

    def _settle(self) -> None:
        with suppress(EngineError):  # what failed before fails again, and all is freed none the less
            self._cuda.use()
            self._cuda.wait()

    def _look(self, row: int, pictures: tuple[int, ...]) -> ObserveGraph:
        engine = self._engines["observe"]
        return self._looks.get(
            (row, pictures), lambda: ObserveGraph(self._device, engine, self._buffers, row, pictures)
        )

    def _chunk(self, branches: int, steps: int) -> DenoiseGraph:
        engine, policy = self._engines["denoise"], self._policy
        return self._chunks.get(
            (branches, steps), lambda: DenoiseGraph(self._device, engine, self._buffers, policy, branches, steps)
        )

    def _enter(self, seen: DeviceSeen | None = None) -> None:
        """Make the device this thread's; check that it still has what was ``seen``."""
        if self._closed:
            raise EngineError("this engine was closed; open the bundle again")
        if seen is not None and seen.number != self._seen:
            raise EngineError("another observation has replaced this one on the device; observe again")
        self._cuda.use()


def _buffers(cuda: Cuda, things: ExitStack, manifest: Manifest, engines: dict[GraphName, LoadedEngine]) -> Buffers:
    """Return memory for what observe gives; its context's rows are as the manifest says, for an engine may not tell.

    :raises BundleError: neither tells how large a row is
    """
    observe, denoise = engines["observe"], engines["denoise"]
    given = {tensor.name: tensor.shape for tensor in manifest.graphs["observe"].outputs}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, tensor in observe.tensors.items():
        if not tensor.is_input:
            shape = denoise.tensors[name].shape if name in denoise.tensors else given[name]
            shapes[name] = tuple(size for size in shape[1:] if isinstance(size, int))
            if len(shapes[name]) != len(shape) - 1:
                raise BundleError(f"{observe.file}: a row of {name} varies in size; export the bundle again")
    rows = min(observe.tensors["frames"].rows, denoise.tensors["x"].rows)
    return Buffers(cuda, things, rows, shapes, {name: observe.tensors[name].itemsize for name in shapes})


def _check_types(toolkit: Toolkit, folder: Path, engines: dict[GraphName, LoadedEngine]) -> None:
    """Check that the engines' tensors are of the types that are copied in and out, and that keys and values fit.

    :raises BundleError: they do not
    """
    types = toolkit.trt.DataType
    wanted = dict.fromkeys(FLOATS, types.FLOAT) | {"frames": types.UINT8, "game": types.INT64}
    found: dict[str, object] = {}
    for engine in engines.values():
        for name, tensor in engine.tensors.items():
            needs = wanted.get(name, found.setdefault(name, tensor.dtype))
            if tensor.dtype != needs:
                raise BundleError(
                    f"{folder}: {name} of {engine.file} is {tensor.dtype.name}, not {needs.name}; export it again"
                )
