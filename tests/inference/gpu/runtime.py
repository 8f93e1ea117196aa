"""The runtime of a GPU that is not there: the host's memory for the device's, one thread for its streams.

What is put on a stream is done when somebody waits for it, not before; so what is read without waiting is wrong here
too. What CUDA answers with an error is answered with that error; what CUDA leaves undefined is kept in ``wrongs``.
"""

import ctypes
import threading
from bisect import bisect_right, insort
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
from cuda.bindings import runtime as real

from .handles import Allocation, Event, Graph, Refused, Stream, Work
from .signatures import check_cuda

Errors = real.cudaError_t


ANYWHERE = {"cudaGetDeviceCount", "cudaSetDevice", "cudaGetErrorString"}
"""Functions that need no device to have been chosen in the thread."""

FREEING = {
    "cudaFree",
    "cudaFreeHost",
    "cudaStreamDestroy",
    "cudaEventDestroy",
    "cudaGraphDestroy",
    "cudaGraphExecDestroy",
}
NOT_CAPTURED = FREEING | {"cudaMalloc", "cudaHostAlloc", "cudaStreamSynchronize", "cudaGraphUpload"}
"""Functions that must not be called by a thread that captures."""


class StandInRuntime:
    """``cuda.bindings.runtime``, as much of it as is used.

    ``fail``: the number of the call that fails, and its error; ``calls``: what was called. Freeing counts in neither.
    ``made``: all calls, with their arguments.
    """

    def __init__(self, capability: tuple[int, int] = (8, 9), gpu: str = "NVIDIA GeForce RTX 4090") -> None:
        self.capability, self.gpu = capability, gpu
        self.count: tuple[Any, int | None] = (Errors.cudaSuccess, 1)
        self.made: list[tuple[str, tuple[Any, ...]]] = []
        self.calls: list[str] = []
        self.fail: tuple[int, Any] | None = None
        self.wrongs: list[str] = []
        self._memory: dict[int, Allocation] = {}
        self._bases: list[int] = []
        self._handles: dict[int, Any] = {}
        self._numbers = count(1000)
        self._ticks = count(1)
        self._thread = threading.local()
        self._table: dict[str, Callable[..., Any]] = {
            "cudaGetDeviceCount": lambda: None,
            "cudaSetDevice": self._set_device,
            "cudaGetDeviceProperties": self._properties,
            "cudaGetErrorString": lambda status: real.cudaGetErrorString(status)[1],
            "cudaMalloc": lambda size: self._allocate("device", size),
            "cudaHostAlloc": lambda size, flags: self._allocate("pinned", size),
            "cudaFree": lambda address: self._free("device", address),
            "cudaFreeHost": lambda address: self._free("pinned", address),
            "cudaMemcpyAsync": self._copy,
            "cudaStreamCreateWithFlags": lambda flags: self._new(real.cudaStream_t, Stream()),
            "cudaStreamSynchronize": self._wait,
            "cudaStreamBeginCapture": self._begin,
            "cudaStreamEndCapture": self._end,
            "cudaGraphInstantiate": lambda graph, flags: self._new(real.cudaGraphExec_t, self._get(graph, Graph)),
            "cudaGraphUpload": lambda graph, stream: self._put(stream, self._get(graph, Graph) and (lambda: None)),
            "cudaGraphLaunch": self._launch,
            "cudaEventCreateWithFlags": lambda flags: self._new(real.cudaEvent_t, Event()),
            "cudaEventRecord": self._record,
            "cudaEventElapsedTime": self._between,
            **{name: self._drop for name in FREEING if name not in {"cudaFree", "cudaFreeHost"}},
        }

    @property
    def live(self) -> int:
        """How many things were made and not given back."""
        return len(self._handles) + sum(not allocation.freed for allocation in self._memory.values())

    def __getattr__(self, name: str) -> Any:
        if name in self._table:
            return lambda *arguments, **keywords: self._called(name, arguments, keywords)
        constant = getattr(real, name)
        if name.startswith("cuda") and name[4].isupper() and callable(constant) and not isinstance(constant, type):
            raise AttributeError(f"the stand-in has no {name}")
        return constant

    def array(self, address: int, size: int, kind: str = "device") -> npt.NDArray[np.uint8]:
        """Return the bytes at an address, which must be such memory, still there."""
        place = bisect_right(self._bases, address) - 1
        found = self._memory[self._bases[place]] if place >= 0 else None
        if found is None or found.freed or found.kind != kind or address + size > found.address + found.size:
            self.wrongs.append(f"{size} bytes at {address:#x} are not all {kind} memory that is there")
            raise Refused(Errors.cudaErrorIllegalAddress)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def holds(self, address: int) -> bool:
        """Return whether the memory that begins at an address is there."""
        return not self._memory[address].freed

    def enqueue(self, stream: int, work: Work) -> None:
        """Put work on a stream, or into what it captures."""
        self._put(stream, work)

    def capturing(self, stream: int) -> bool:
        """Return whether a stream is captured."""
        return self._get(stream, Stream).captured is not None

    def break_captures(self) -> None:
        """Have every capture fail when it ends."""
        for thing in self._handles.values():
            if isinstance(thing, Stream) and thing.captured is not None:
                thing.broken = True

    def _called(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        check_cuda(real, name, arguments, keywords)
        self.made.append((name, arguments))
        if name == "cudaGetDeviceCount":
            return self.count
        try:
            self._check(name)
            value = self._table[name](*arguments, **keywords)
        except Refused as refused:
            return (refused.status,) if name in NOTHING else (refused.status, None)
        return (Errors.cudaSuccess,) if name in NOTHING else (Errors.cudaSuccess, value)

    def _check(self, name: str) -> None:
        if name not in ANYWHERE and not getattr(self._thread, "chosen", False):
            self.wrongs.append(f"{name} in a thread that chose no device")
        if name not in FREEING | {"cudaGetErrorString"}:
            self.calls.append(name)
            if self.fail is not None and len(self.calls) == self.fail[0]:
                self.break_captures()
                if name == "cudaStreamEndCapture":  # it ends one even then
                    self._end_all()
                raise Refused(self.fail[1])
        captured = any(isinstance(thing, Stream) and thing.captured is not None for thing in self._handles.values())
        if name in NOT_CAPTURED and captured:
            self.wrongs.append(f"{name} while a stream is captured")
            self.break_captures()
            raise Refused(Errors.cudaErrorStreamCaptureUnsupported)

    def _set_device(self, device: int) -> None:
        if device != 0:
            raise Refused(Errors.cudaErrorInvalidDevice)
        self._thread.chosen = True

    def _properties(self, device: int) -> Any:
        properties = real.cudaDeviceProp()
        properties.name = self.gpu.encode().ljust(256, b"\0")
        properties.major, properties.minor = self.capability
        return properties

    def _allocate(self, kind: str, size: int) -> int:
        made = Allocation(kind, size)
        self._memory[made.address] = made
        insort(self._bases, made.address)
        return made.address

    def _free(self, kind: str, address: int) -> None:
        found = self._memory.get(int(address))
        if found is None or found.freed or found.kind != kind:
            self.wrongs.append(f"freed what is no {kind} memory, or was freed before")
            raise Refused(Errors.cudaErrorInvalidValue)
        found.freed = True

    def _copy(self, to: int, source: int, size: int, kind: Any, stream: Any) -> None:
        host, device = "pinned", "device"
        kinds = real.cudaMemcpyKind
        ends = {
            kinds.cudaMemcpyHostToDevice: (device, host),
            kinds.cudaMemcpyDeviceToHost: (host, device),
            kinds.cudaMemcpyDeviceToDevice: (device, device),
        }[kind]

        def work() -> None:
            self.array(int(to), size, ends[0])[:] = self.array(int(source), size, ends[1])

        self._put(stream, work)

    def _new(self, handle: Any, thing: Any) -> Any:
        number = next(self._numbers)
        self._handles[number] = thing
        return handle(number)

    def _get(self, handle: Any, kind: type) -> Any:
        found = self._handles.get(int(handle))
        if not isinstance(found, kind):
            self.wrongs.append(f"{handle!r} is no {kind.__name__}, or was destroyed")
            raise Refused(Errors.cudaErrorInvalidResourceHandle)
        return found

    def _drop(self, handle: Any) -> None:
        if self._handles.pop(int(handle), None) is None:
            self.wrongs.append(f"{handle!r} was destroyed before")
            raise Refused(Errors.cudaErrorInvalidResourceHandle)

    def _put(self, stream: Any, work: Work) -> None:
        found = self._get(stream, Stream)
        (found.waiting if found.captured is None else found.captured).append(work)

    def _wait(self, stream: Any) -> None:
        found = self._get(stream, Stream)
        work, found.waiting = found.waiting, []
        for part in work:
            part()

    def _begin(self, stream: Any, mode: Any) -> None:
        found = self._get(stream, Stream)
        if found.captured is not None:
            raise Refused(Errors.cudaErrorIllegalState)
        found.captured, found.broken = [], False

    def _end(self, stream: Any) -> Any:
        found = self._get(stream, Stream)
        if found.captured is None:
            raise Refused(Errors.cudaErrorIllegalState)
        work, found.captured = found.captured, None
        if found.broken:
            raise Refused(Errors.cudaErrorStreamCaptureInvalidated)
        return self._new(real.cudaGraph_t, Graph(tuple(work)))

    def _end_all(self) -> None:
        for thing in self._handles.values():
            if isinstance(thing, Stream):
                thing.captured = None

    def _launch(self, graph: Any, stream: Any) -> None:
        for work in self._get(graph, Graph).work:
            self._put(stream, work)

    def _record(self, event: Any, stream: Any) -> None:
        found = self._get(event, Event)
        found.time = None

        def work() -> None:
            found.time = float(next(self._ticks))

        self._put(stream, work)

    def _between(self, first: Any, last: Any) -> float:
        times = self._get(first, Event).time, self._get(last, Event).time
        if times[0] is None or times[1] is None:
            raise Refused(Errors.cudaErrorNotReady)
        return float(times[1] - times[0])


NOTHING = FREEING | {
    "cudaSetDevice",
    "cudaMemcpyAsync",
    "cudaStreamSynchronize",
    "cudaStreamBeginCapture",
    "cudaGraphUpload",
    "cudaGraphLaunch",
    "cudaEventRecord",
}
"""Functions that give nothing but their status."""
