"""A bundle's engines under TensorRT, of either edition, on one NVIDIA GPU.

Frames go to the device and actions come back; nothing else crosses but noise and a few numbers a chunk. Encoding an
observation is one captured graph, all the denoise steps of a chunk are another, and the host waits once a chunk, for
the actions.

This has never been run on a GPU. It is checked against the libraries' own signatures (TensorRT for RTX 1.7 and
cuda-python 13), and whole chunks are compared with ONNX Runtime's on a stand-in for CUDA and TensorRT that refuses what
they refuse. TensorRT itself has not been imported so far; its names are those of its documentation.
"""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from ngrt.errors import BundleError, EngineError
from ngrt.inference.cuda.driver import Cuda, open_cuda
from ngrt.inference.cuda.timing import StageTimes, Stopwatch
from ngrt.inference.engine import Observation, Plan, Shapes, closed
from ngrt.inference.on_device import DeviceEncoded, Kept, Launches
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.tensorrt.edition import Toolkit, check_fit, load_toolkit, rebuild
from ngrt.inference.tensorrt.graphs import Buffers, DenoiseGraph, Device, ObserveGraph
from ngrt.inference.tensorrt.loaded import LoadedEngine, Source
from ngrt.messages import Array
from ngrt.policy.bundle import Backend, GraphName, Manifest
from ngrt.resource import Resource

FLOATS = ("x", "modulation", "dt", "remaining", "mix", "prior", "weights", "guidance", "next_x", "context")
"""Tensors that are float32 in an engine of any precision."""

MOST_GRAPHS = 8
"""Graphs that are kept of each kind; that of a shape or number of steps not used for longest is freed for a new one."""


class TensorRtEngine(Resource):
    """TensorRT or TensorRT for RTX, as the bundle's target says. ``timed``: measure the stages of each chunk (`times`).

    Called from one thread at a time, not always the same one.

    :raises MissingExtraError: the edition or cuda-python is not installed
    :raises BundleError: there is no NVIDIA GPU, or the engines were built by or for another than are here
    :raises EngineError: the GPU fails, as it does when it has too little memory
    """

    backend: Backend = "tensorrt"

    def __init__(self, folder: Path, manifest: Manifest, *, timed: bool = False) -> None:
        self._things = ExitStack()
        self._count = 0  # the number of the newest observation
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
        self.place = f"{self.name}, {cuda.capability}"
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
        self._launches = Launches()
        self._watch = Stopwatch(cuda, things, on=timed)
        self._device = Device(cuda, cuda.allocate(things, scratch) if scratch else None, self._launches, self._watch)
        self._buffers = _buffers(cuda, things, manifest, self._engines)
        self._observes = Kept[tuple[int, tuple[int, ...]], ObserveGraph](MOST_GRAPHS, ObserveGraph.close, cuda.wait)
        self._chunks = Kept[tuple[int, int], DenoiseGraph](MOST_GRAPHS, DenoiseGraph.close, cuda.wait)
        things.callback(self._observes.close)
        things.callback(self._chunks.close)
        things.callback(self._settle)

    @property
    def launches(self) -> Launches:
        """What has been launched so far."""
        return replace(self._launches, waits=self._cuda.waits)

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

    def observe(self, observations: Sequence[Observation]) -> DeviceEncoded:
        """Put the encoding of the observations on the device's stream, their rows in order."""
        branches = sum(len(observation.pictures) for observation in observations)
        if branches > self._buffers.rows:
            raise EngineError(
                f"{branches} branches at once", value=branches, limit=f"this engine takes up to {self._buffers.rows}"
            )
        self._enter()
        self._watch.start("observe")
        self._count += 1
        row = 0
        for observation in observations:
            self._observe_graph(row, observation.pictures.shape).run(observation)
            row += len(observation.pictures)
        self._watch.stop("observe")
        return DeviceEncoded(self, self._count, branches)

    def denoise(self, encoded: DeviceEncoded, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""
        self._enter(encoded)
        self._watch.start("denoise")
        return self._chunk(encoded.branches, plan.steps).run(noise, plan)

    def context_of(self, encoded: DeviceEncoded) -> Array:
        """Return the context (B, L, Dv) of the newest observation, copied from the device."""
        self._enter(encoded)
        shape = (encoded.branches, *self._buffers.row_shapes["context"])
        with ExitStack() as things:
            pinned = self._cuda.pin(things, encoded.branches * self._buffers.row_bytes["context"])
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

    def _observe_graph(self, row: int, pictures: tuple[int, ...]) -> ObserveGraph:
        engine = self._engines["observe"]
        return self._observes.get(
            (row, pictures), lambda: ObserveGraph(self._device, engine, self._buffers, row, pictures)
        )

    def _chunk(self, branches: int, steps: int) -> DenoiseGraph:
        engine, policy = self._engines["denoise"], self._policy
        return self._chunks.get(
            (branches, steps), lambda: DenoiseGraph(self._device, engine, self._buffers, policy, branches, steps)
        )

    def _enter(self, encoded: DeviceEncoded | None = None) -> None:
        """Make the device this thread's; check that it still has ``encoded``."""
        if self._closed:
            raise closed()
        if encoded is not None:
            encoded.check_newest(self._count)
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
                raise BundleError(f"{observe.file}: a row of {name} varies in size", remedy="export the bundle again")
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
                    f"{folder}: {name} of {engine.file} is {tensor.dtype.name}, not {needs.name}",
                    remedy="export it again",
                )
