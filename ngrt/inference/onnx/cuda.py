"""A bundle's graphs under ONNX Runtime's CUDA provider, on one NVIDIA GPU.

Frames and a few numbers go to the device and actions come back; what the graphs hand to each other stays there.
Observations and denoise steps are captured as CUDA graphs the first time and replayed from then on, one after the other
without waiting.

This has never been run on a GPU. Whole chunks are compared with `ngrt.inference.onnx.cpu`'s by running the same code
with its buffers on the CPU, and the options are those that the installed library knows.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from ngrt.errors import BundleError
from ngrt.inference.cuda.presence import gpu_name
from ngrt.inference.engine import Observation, Plan, Shapes, closed
from ngrt.inference.on_device import DeviceEncoded, Kept, Launches
from ngrt.inference.onnx.bound import BoundChunk, BoundObserve, Rows
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.onnx.device import DeviceGraph, DeviceKind, why_no_cuda
from ngrt.inference.onnx.failures import GPU_LOAD, GPU_RUN
from ngrt.inference.onnx.library import ort
from ngrt.messages import Array
from ngrt.policy.bundle import Backend, GraphName, Manifest
from ngrt.policy.contents import GraphFiles
from ngrt.resource import Resource

T = TypeVar("T")

MOST_ROWS = 4
"""Numbers of branches whose memory is kept; the one not used for longest goes."""

MOST_CAPTURED = 24
"""Observations and chunks that are captured in an engine's life; ONNX Runtime frees none. Others run uncaptured."""

ON_DEVICE: tuple[GraphName, ...] = ("observe", "denoise")


class CudaEngine(Resource):
    """ONNX Runtime on ``device``: ``cuda``, or for tests ``cpu``, with the same buffers and bindings there.

    All that ONNX Runtime does, it does in a thread of the engine's own: it keeps captured graphs by thread.

    :raises BundleError: a graph was changed or cannot be loaded, or there is no GPU that can be used
    """

    backend: Backend = "cuda"

    def __init__(self, folder: Path, manifest: Manifest, *, device: DeviceKind = "cuda") -> None:
        if device == "cuda" and (reason := why_no_cuda()):
            raise BundleError(
                f"{folder} cannot run on a GPU here: {reason}", remedy="leave --backend out, or use --backend cpu"
            )
        self.name = "ONNX Runtime, CUDA" if device == "cuda" else "ONNX Runtime, CPU, bound"
        self.launches = Launches()
        self._policy = manifest.policy
        self._count, self._captured, self._closed = 0, 0, False
        self._rows = Kept[int, Rows](MOST_ROWS)
        self._newest: Rows | None = None
        self._graphs: dict[GraphName, DeviceGraph] = {}
        self._host = OnnxEngine(folder, manifest, 1, graphs=("schedule",))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ngrt-cuda")
        try:
            with (
                GPU_LOAD.translated(folder),
                ExitStack() as things,
                ThreadPoolExecutor(thread_name_prefix="ngrt-load") as pool,
            ):

                def opened(name: GraphName) -> GraphFiles:  # closed also where another one is refused
                    return things.enter_context(GraphFiles(folder, manifest.graphs[name]))

                # hashed side by side: that keeps a core busy for seconds
                for name, files in zip(ON_DEVICE, list(pool.map(opened, ON_DEVICE)), strict=True):
                    self._graphs[name] = self._do(partial(DeviceGraph, files, device, self.launches))
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        """ONNX Runtime's version, and the GPU."""
        return f"ONNX Runtime {ort.__version__}, {gpu_name() or self.name}"

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return what ``graph`` takes and gives, as it was loaded."""
        if graph == "schedule":
            return self._host.signature(graph)
        loaded = self._graphs[graph]
        inputs, outputs = loaded.inputs.values(), loaded.outputs.values()
        return {tensor.name: tensor.shape for tensor in inputs}, {tensor.name: tensor.shape for tensor in outputs}

    def schedule(self, timesteps: Array) -> Array:
        """Return the modulations (N, M) at ``timesteps`` (N,)."""
        return self._host.schedule(timesteps)

    def observe(self, observations: Sequence[Observation]) -> DeviceEncoded:
        """Encode the observations on the device, their rows one after the other."""
        return self._do(lambda: self._observe(observations))

    def denoise(self, encoded: DeviceEncoded, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""
        return self._do(lambda: self._chunk(self._current(encoded), plan.steps).run(noise, plan))

    def context_of(self, encoded: DeviceEncoded) -> Array:
        """Return the context (B, L, Dv) of the newest observation, copied from the device."""
        return self._do(lambda: self._current(encoded).context())

    def close(self) -> None:
        """Free the device: bindings and memory, then the sessions. May be called twice."""
        if self._closed:
            return
        self._closed = True

        def free() -> None:
            self._newest = None
            self._rows.close()
            self._graphs.clear()

        self._thread.submit(free).result()
        self._thread.shutdown()
        self._host.close()

    def _observe(self, observations: Sequence[Observation]) -> DeviceEncoded:
        branches = sum(len(observation.pictures) for observation in observations)
        rows = self._newest = self._rows.get(branches, lambda: Rows(self._graphs["observe"], branches))
        self._count += 1
        start = 0
        for number, observation in enumerate(observations):
            self._bound(rows, start, observation).run(observation, wait=number == len(observations) - 1)
            start += len(observation.pictures)
        return DeviceEncoded(self, self._count, branches)

    def _bound(self, rows: Rows, start: int, observation: Observation) -> BoundObserve:
        observe, shape = self._graphs["observe"], observation.pictures.shape
        return rows.observes.get(
            (start, shape), lambda: BoundObserve(observe, rows, start, shape, capture=self._may_capture())
        )

    def _chunk(self, rows: Rows, steps: int) -> BoundChunk:
        denoise, policy = self._graphs["denoise"], self._policy
        return rows.chunks.get(steps, lambda: BoundChunk(denoise, rows, policy, steps, capture=self._may_capture()))

    def _may_capture(self) -> bool:
        self._captured += 1
        return self._captured <= MOST_CAPTURED

    def _current(self, encoded: DeviceEncoded) -> Rows:
        encoded.check_newest(self._count)
        if self._newest is None:
            raise closed()
        return self._newest

    def _do(self, work: Callable[[], T]) -> T:
        """Return what ``work`` does in the engine's thread.

        :raises EngineError: the device failed
        """
        if self._closed:
            raise closed()
        with GPU_RUN.translated():
            return self._thread.submit(work).result()
