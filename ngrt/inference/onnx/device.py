"""Graphs under ONNX Runtime that read and write memory at fixed addresses of one device, and replay as CUDA graphs.

What a run reads and writes is bound once. On a GPU the first run of a binding is captured, after the runs ONNX Runtime
itself wants before a capture, and later runs replay it. Captured graphs are kept by thread and never freed before their
session is: whoever uses this does so from one thread, and captures a bounded number.

Never run on a GPU. On the CPU the same calls run, with the same bindings and ids of graphs; there nothing is captured.
"""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ngrt.errors import BundleError
from ngrt.inference.cuda.presence import why_no_gpu
from ngrt.inference.on_device import Launches
from ngrt.inference.onnx.failures import GPU_LOAD
from ngrt.inference.onnx.library import ort
from ngrt.inference.onnx.sessions import open_session
from ngrt.policy.contents import GraphFiles

DeviceKind = Literal["cuda", "cpu"]

CUDA = "CUDAExecutionProvider"

CUDA_OPTIONS = {
    "device_id": "0",  # CUDA_VISIBLE_DEVICES chooses which one that is
    "arena_extend_strategy": "kSameAsRequested",  # all sizes are known after one run: no room is needed to grow
    "enable_cuda_graph": "1",
    "use_tf32": "0",  # fp32 is to be fp32
}
"""None for cuDNN: the graphs have no convolutions."""

SESSION_OPTIONS = {
    "session.use_device_allocator_for_initializers": "1"
}  # weights beside the arena, not rounded up in it

GRAPH_ID = "gpu_graph_id"
NO_WAIT = "disable_synchronize_execution_providers"
NOT_CAPTURED = -1

FLOAT, UINT8, INT64 = 1, 2, 7
KINDS = {"tensor(float)": FLOAT, "tensor(uint8)": UINT8, "tensor(int64)": INT64, "tensor(float16)": 10, "tensor(bfloat16)": 16}  # fmt: skip  # noqa: E501
"""ONNX's numbers for element types. By number, for numpy has no bfloat16."""

ALIGNMENT = 64
"""Floats between the tensors of a `Pack`: 256 bytes, as allocations on the device are."""


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor in a buffer."""

    address: int
    kind: int
    shape: tuple[int, ...]


class Buffer:
    """Memory for a tensor, where it stays until this is freed."""

    def __init__(self, device: DeviceKind, kind: int, shape: tuple[int, ...]) -> None:
        self.kind, self.shape = kind, shape
        self._value = ort.OrtValue.ortvalue_from_shape_and_type(list(shape), kind, device, 0)

    def place(self, start: int = 0, rows: int | None = None) -> Place:
        """Return ``rows`` rows from ``start``, all of them if None."""
        size = self._value.tensor_size_in_bytes() // max(1, self.shape[0])
        count = self.shape[0] - start if rows is None else rows
        return Place(self._value.data_ptr() + start * size, self.kind, (count, *self.shape[1:]))

    def write(self, array: npt.NDArray[np.generic]) -> None:
        """Copy ``array`` to the device; it is there on return."""
        self._value.update_inplace(np.ascontiguousarray(array))

    def read(self) -> npt.NDArray[Any]:
        """Return a copy of what is on the device."""
        return np.array(self._value.numpy())


class Pack:
    """Float tensors in one buffer, written with one copy. Fill ``host`` by name, then `write`."""

    def __init__(self, device: DeviceKind, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._offsets: dict[str, int] = {}
        size = 0
        for name, shape in shapes.items():
            self._offsets[name] = size
            size += -(-int(np.prod(shape)) // ALIGNMENT) * ALIGNMENT
        self._whole = np.zeros(size, np.float32)
        self._buffer = Buffer(device, FLOAT, (size,))
        self.host = {
            name: self._whole[offset : offset + int(np.prod(shapes[name]))].reshape(shapes[name])
            for name, offset in self._offsets.items()
        }

    def place(self, name: str, row: int | None = None, shape: tuple[int, ...] | None = None) -> Place:
        """Return a tensor, or one of its rows; ``shape`` where that is not all of it."""
        tensor = self.host[name]
        begin = self._offsets[name] + (0 if row is None else row * (tensor.size // len(tensor)))
        whole = tensor.shape if row is None else tensor.shape[1:]
        base = self._buffer.place().address
        return Place(base + begin * tensor.itemsize, FLOAT, whole if shape is None else shape)

    def write(self) -> None:
        """Copy all of it to the device."""
        self._buffer.write(self._whole)


class DeviceGraph:
    """One graph, loaded for ``device``.

    :raises BundleError: it cannot be loaded, or there is no GPU that can be used
    """

    def __init__(self, files: GraphFiles, device: DeviceKind, launches: Launches) -> None:
        self.device, self.launches = device, launches
        self.session = _session(files, device)
        self.inputs = {tensor.name: tensor for tensor in self.session.get_inputs()}
        self.outputs = {tensor.name: tensor for tensor in self.session.get_outputs()}
        self._captures = 0

    def kind(self, name: str) -> int:
        """Return the element type of an input or output."""
        return KINDS[(self.inputs | self.outputs)[name].type]

    def bound(self, inputs: Mapping[str, Place], outputs: Mapping[str, Place], *, capture: bool) -> "Bound":
        """Return what runs the graph on these places; ``capture`` it, which only a GPU does."""
        binding = self.session.io_binding()
        for name, place in inputs.items():
            binding.bind_input(name, self.device, 0, place.kind, list(place.shape), place.address)
        for name, place in outputs.items():
            binding.bind_output(name, self.device, 0, place.kind, list(place.shape), place.address)
        self._captures += capture
        return Bound(self, binding, self._captures if capture else NOT_CAPTURED)


class Bound:
    """A graph and the places that it reads and writes."""

    def __init__(self, graph: DeviceGraph, binding: Any, graph_id: int) -> None:
        self._graph, self._binding, self._id = graph, binding, graph_id
        self._waiting, self._going_on = _run_options(graph_id, wait=True), _run_options(graph_id, wait=False)
        self._ran = False

    def run(self, *, wait: bool) -> bool:
        """Run the graph and return whether that was a replay.

        ``wait`` until its outputs are there; later runs of the same graph come after it anyway.
        """
        first, self._ran = not self._ran, True
        waits, launches = wait or first, self._graph.launches
        self._graph.session.run_with_iobinding(self._binding, self._waiting if waits else self._going_on)
        replay = not first and self._id != NOT_CAPTURED
        launches.waits += waits
        launches.enqueued += not replay
        return replay


def _run_options(graph_id: int, *, wait: bool) -> ort.RunOptions:
    options = ort.RunOptions()
    options.add_run_config_entry(GRAPH_ID, str(graph_id))
    if not wait:
        options.add_run_config_entry(NO_WAIT, "1")
    return options


def why_no_cuda() -> str:
    """Return why ONNX Runtime cannot use a GPU here, as far as can be told without trying; empty if it may."""
    if CUDA not in ort.get_available_providers():
        return "this ONNX Runtime is built without CUDA; pip uninstall onnxruntime, then pip install onnxruntime-gpu"
    return why_no_gpu()


def _session(files: GraphFiles, device: DeviceKind) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # its errors are raised; printed, they would have names from the graph in them
    options.intra_op_num_threads = 1  # for the device does the work
    for name, value in SESSION_OPTIONS.items():
        options.add_session_config_entry(name, value)
    if device == "cpu":
        return open_session(files, options, ["CPUExecutionProvider"], GPU_LOAD)
    with _quiet():
        session = open_session(files, options, [(CUDA, CUDA_OPTIONS)], GPU_LOAD)
    if CUDA not in session.get_providers():
        raise BundleError(
            (
                f"{files.path} cannot run on the GPU: ONNX Runtime {ort.__version__} does not "
                "find its CUDA and cuDNN libraries"
            ),
            remedy="pip install 'onnxruntime-gpu[cuda,cudnn]', or use --backend cpu",
        )
    return session


@contextlib.contextmanager
def _quiet() -> Any:
    """Load CUDA's libraries where pip put them, and keep ONNX Runtime from telling the terminal that it has none."""
    ort.set_default_logger_severity(4)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()
        yield
    finally:
        ort.set_default_logger_severity(2)
