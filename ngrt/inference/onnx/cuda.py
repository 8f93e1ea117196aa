"""A bundle's graphs under ONNX Runtime's CUDA provider, on one NVIDIA GPU.

Frames and a few numbers go to the device and actions come back; what the graphs hand to each other stays there. Looks
and denoise steps are captured as CUDA graphs the first time and replayed from then on, one after the other without
waiting.

This has never been run on a GPU. Whole chunks are compared with `ngrt.inference.onnx.cpu`'s by running the same code
with its buffers on the CPU, and the options are those that the installed library knows.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from ngrt.errors import BundleError, EngineError, NgrtError
from ngrt.inference.engine import Look, Plan, Shapes
from ngrt.inference.onnx.bound import BoundChunk, BoundLook, Rows, kept
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.onnx.device import DeviceGraph, DeviceKind, Launches, why_no_cuda
from ngrt.messages import Array
from ngrt.policy.bundle import GraphName, Manifest, check_graph

T = TypeVar("T")

MOST_ROWS, MOST_LOOKS, MOST_CHUNKS = 4, 8, 8
"""Numbers of branches, shapes of looks, numbers of steps whose memory is kept; the one not used for longest goes."""

MOST_CAPTURED = 24
"""Looks and chunks that are captured in an engine's life; ONNX Runtime frees none of them. Others run uncaptured."""

ON_DEVICE: tuple[GraphName, ...] = ("observe", "denoise")


class CudaSeen:
    """What the looks came to, on the device, until the next observation replaces it."""

    def __init__(self, engine: "CudaEngine", rows: Rows, number: int) -> None:
        self._engine, self.rows, self.number = engine, rows, number

    @property
    def branches(self) -> int:
        """B."""
        return self.rows.branches

    @property
    def context(self) -> Array:
        """The mixer's output (B, L, Dv), copied from the device.

        :raises EngineError: another observation has replaced it
        """
        return self._engine.context_of(self)


class CudaEngine:
    """ONNX Runtime on ``device``: ``cuda``, or for tests ``cpu``, with the same buffers and bindings there.

    All that ONNX Runtime does, it does in a thread of the engine's own: it keeps captured graphs by thread.

    :raises BundleError: a graph was changed or cannot be loaded, or there is no GPU that can be used
    """

    def __init__(self, folder: Path, manifest: Manifest, *, device: DeviceKind = "cuda") -> None:
        if device == "cuda" and (reason := why_no_cuda()):
            raise BundleError(f"{folder} cannot run on a GPU here: {reason}; leave --backend out, or use --backend cpu")
        self.name = "ONNX Runtime, CUDA" if device == "cuda" else "ONNX Runtime, CPU, bound"
        self.launches = Launches()
        self._policy = manifest.policy
        self._seen, self._captured, self._closed = 0, 0, False
        self._rows: dict[int, Rows] = {}
        self._graphs: dict[GraphName, DeviceGraph] = {}
        with ThreadPoolExecutor(thread_name_prefix="ngrt-load") as pool:
            list(pool.map(lambda name: check_graph(folder, manifest.graphs[name]), ON_DEVICE))
        self._host = OnnxEngine(folder, manifest, 1, graphs=("schedule",))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ngrt-cuda")
        try:
            for name in ON_DEVICE:
                path = folder / manifest.graphs[name].file
                self._graphs[name] = self._do(partial(DeviceGraph, path, device, self.launches))
        except BaseException:
            self.close()
            raise

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

    def observe(self, looks: Sequence[Look]) -> CudaSeen:
        """Return where on the device is what the looks come to, their rows one after the other."""
        return self._do(lambda: self._observe(looks))

    def denoise(self, seen: CudaSeen, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""
        return self._do(lambda: self._chunk(self._current(seen), plan.steps).run(noise, plan))

    def context_of(self, seen: CudaSeen) -> Array:
        """Return the context (B, L, Dv) of the newest observation, copied from the device."""
        return self._do(lambda: self._current(seen).context())

    def close(self) -> None:
        """Free the device: bindings and memory, then the sessions. May be called twice."""
        if self._closed:
            return
        self._closed = True

        def free() -> None:
            self._rows.clear()
            self._graphs.clear()

        self._thread.submit(free).result()
        self._thread.shutdown()
        self._host.close()

    def _observe(self, looks: Sequence[Look]) -> CudaSeen:
        branches = sum(len(look.pictures) for look in looks)
        rows = kept(self._rows, branches, lambda: Rows(self._graphs["observe"], branches), MOST_ROWS)
        self._seen += 1
        start = 0
        for number, look in enumerate(looks):
            self._look(rows, start, look).run(look, wait=number == len(looks) - 1)
            start += len(look.pictures)
        return CudaSeen(self, rows, self._seen)

    def _look(self, rows: Rows, start: int, look: Look) -> BoundLook:
        observe, shape = self._graphs["observe"], look.pictures.shape
        return kept(
            rows.looks,
            (start, shape),
            lambda: BoundLook(observe, rows, start, shape, capture=self._may_capture()),
            MOST_LOOKS,
        )

    def _chunk(self, rows: Rows, steps: int) -> BoundChunk:
        denoise, policy = self._graphs["denoise"], self._policy
        return kept(
            rows.chunks,
            steps,
            lambda: BoundChunk(denoise, rows, policy, steps, capture=self._may_capture()),
            MOST_CHUNKS,
        )

    def _may_capture(self) -> bool:
        self._captured += 1
        return self._captured <= MOST_CAPTURED

    def _current(self, seen: CudaSeen) -> Rows:
        if seen.number != self._seen:
            raise EngineError("another observation has replaced this one on the device; observe again")
        return seen.rows

    def _do(self, work: Callable[[], T]) -> T:
        """Return what ``work`` does in the engine's thread.

        :raises EngineError: the device failed
        """
        if self._closed:
            raise EngineError("this engine was closed; open the bundle again")
        try:
            return self._thread.submit(work).result()
        except NgrtError:
            raise
        except Exception as error:  # ONNX Runtime's own exceptions share no base but Exception
            reason = " ".join(str(error).split())
            raise EngineError(f"the GPU failed ({reason}); free memory on it, or use --backend cpu") from error
