"""One NVIDIA GPU and one stream on it: memory, copies, captured graphs, events. Through NVIDIA's cuda-python; no torch.

What is made here is freed by the `ExitStack` it was made on, so that whatever was only half built is freed as well.

Never run on a GPU: each call is checked against the library's own signatures, and its order on a stand-in that refuses
what CUDA refuses.
"""

import ctypes
import importlib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from ngrt.errors import BundleError, EngineError, MissingExtraError
from ngrt.resource import Resource
from ngrt.text import one_line

ALIGNMENT = 256
"""Bytes. TensorRT wants each of its tensors at a multiple of it (NvInferRuntime.h, setTensorAddress), and cudaMalloc
gives no less."""

Bytes = npt.NDArray[np.uint8]


def open_cuda(extra: str, what: str) -> "Cuda":
    """Return this machine's first NVIDIA GPU; ``what`` needs it, and ``extra`` installs cuda-python.

    CUDA_VISIBLE_DEVICES chooses which one is the first.

    :raises MissingExtraError: cuda-python is not installed
    :raises BundleError: there is no GPU, or no driver for it
    :raises EngineError: the GPU cannot be used
    """
    try:
        runtime = importlib.import_module("cuda.bindings.runtime")
    except ImportError as error:
        raise MissingExtraError("cuda-python", extra) from error
    try:
        status, count = runtime.cudaGetDeviceCount()
        reason = "" if count else _reason(runtime, status)
    except RuntimeError as error:  # cuda-python found none of the driver's libraries
        reason = one_line(error)
    if reason:
        raise BundleError(
            f"{what} needs an NVIDIA GPU and its driver, and there is none to be used ({reason})",
            remedy="on this machine use an onnx bundle: ngrt export CHECKPOINT --out DIR",
        )
    return Cuda(runtime)


class Cuda(Resource):
    """A device and the one stream that everything is put on. For one thread at a time; not always the same one.

    :raises EngineError: the GPU cannot be used
    """

    def __init__(self, runtime: Any, index: int = 0) -> None:
        self._runtime, self._index = runtime, index
        self._things = ExitStack()
        self.waits = 0
        """How often the host has waited for the device."""
        self.use()
        properties = self.call("cudaGetDeviceProperties", index)
        self.name: str = properties.name.decode().rstrip("\0")
        self.capability = f"{properties.major}.{properties.minor}"
        self._stream = self.call("cudaStreamCreateWithFlags", runtime.cudaStreamNonBlocking)
        self._things.callback(self._release, "cudaStreamDestroy", self._stream)

    @property
    def stream(self) -> int:
        """The stream, as other libraries take it."""
        return int(self._stream)

    def use(self) -> None:
        """Make the device this thread's; a thread starts with none, or with whatever another library chose."""
        self.call("cudaSetDevice", self._index)

    def call(self, name: str, *arguments: Any) -> Any:
        """Return what the function of CUDA's runtime gives beside its status.

        :raises EngineError: it fails
        """
        status, *values = getattr(self._runtime, name)(*arguments)
        if int(status) != 0:
            out_of_memory = status == self._runtime.cudaError_t.cudaErrorMemoryAllocation
            remedy = "free memory on the GPU" if out_of_memory else "start again, or use an onnx bundle"
            raise EngineError(f"the GPU failed in {name} ({_reason(self._runtime, status)})", remedy=remedy)
        return values[0] if values else None

    def allocate(self, things: ExitStack, size: int) -> int:
        """Return the address of ``size`` bytes on the device."""
        address = int(self.call("cudaMalloc", size))
        things.callback(self._release, "cudaFree", address)
        return address

    def pin(self, things: ExitStack, size: int) -> Bytes:
        """Return ``size`` bytes of the host's memory that the device copies from and to by itself."""
        address = int(self.call("cudaHostAlloc", size, self._runtime.cudaHostAllocDefault))
        things.callback(self._release, "cudaFreeHost", address)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def upload(self, address: int, pinned: Bytes) -> None:
        """Put a copy to the device on the stream. The bytes must stay as they are until the next `wait`."""
        self._copy(address, pinned.ctypes.data, pinned.nbytes, "cudaMemcpyHostToDevice")

    def download(self, pinned: Bytes, address: int) -> None:
        """Put a copy from the device on the stream; it is there after the next `wait`."""
        self._copy(pinned.ctypes.data, address, pinned.nbytes, "cudaMemcpyDeviceToHost")

    def move(self, to: int, address: int, size: int) -> None:
        """Put a copy within the device on the stream."""
        self._copy(to, address, size, "cudaMemcpyDeviceToDevice")

    def wait(self) -> None:
        """Block until the stream is empty."""
        self.waits += 1
        self.call("cudaStreamSynchronize", self._stream)

    def captured(self, things: ExitStack, work: Callable[[], object]) -> Any:
        """Return a graph of what ``work`` puts on the stream; nothing of it is run.

        Meanwhile this thread may allocate, free and wait for nothing; others may.
        """
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("cudaStreamBeginCapture", self._stream, mode)
        try:
            work()
        except BaseException:
            self._end_capture()
            raise
        graph = self.call("cudaStreamEndCapture", self._stream)
        try:
            launchable = self.call("cudaGraphInstantiate", graph, 0)
        finally:
            self._release("cudaGraphDestroy", graph)
        things.callback(self._release, "cudaGraphExecDestroy", launchable)
        self.call("cudaGraphUpload", launchable, self._stream)
        return launchable

    def launch(self, graph: Any) -> None:
        """Put a captured graph on the stream."""
        self.call("cudaGraphLaunch", graph, self._stream)

    def event(self, things: ExitStack) -> Any:
        """Return an event that can be timed."""
        event = self.call("cudaEventCreateWithFlags", self._runtime.cudaEventDefault)
        things.callback(self._release, "cudaEventDestroy", event)
        return event

    def mark(self, event: Any) -> None:
        """Put an event on the stream."""
        self.call("cudaEventRecord", event, self._stream)

    def between(self, first: Any, last: Any) -> float:
        """Return the milliseconds between two events that are over."""
        return float(self.call("cudaEventElapsedTime", first, last))

    def close(self) -> None:
        """Destroy the stream. May be called twice."""
        self._things.close()

    def _copy(self, to: int, source: int, size: int, kind: str) -> None:
        self.call("cudaMemcpyAsync", to, source, size, getattr(self._runtime.cudaMemcpyKind, kind), self._stream)

    def _end_capture(self) -> None:
        with suppress(EngineError):  # it failed already, and that is what is told
            self._release("cudaGraphDestroy", self.call("cudaStreamEndCapture", self._stream))

    def _release(self, name: str, thing: Any) -> None:
        """Give something back. What goes wrong then went wrong before, and has been told."""
        with suppress(EngineError):
            self.call(name, thing)


def _reason(runtime: Any, status: Any) -> str:
    """Return the name of an error and what CUDA says of it."""
    if int(status) == 0:
        return "no device"
    name = getattr(status, "name", f"error {int(status)}")
    text = runtime.cudaGetErrorString(status)[1]
    return f"{name}: {text.decode()}" if text else name
