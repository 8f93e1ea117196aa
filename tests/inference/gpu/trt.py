"""TensorRT on a GPU that is not there: engines are ONNX graphs, run by ONNX Runtime on the stand-in's memory.

Either edition. Calls are held against the bindings of TensorRT for RTX, which has all that TensorRT has.
"""

import json
import weakref
from functools import cache
from math import prod
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
import tensorrt_rtx as real

from .mirror import MIRRORED, mirrors
from .runtime import StandInRuntime
from .signatures import check_bound
from .trt_config import RtxRuntimeConfig, RuntimeConfig

DTYPES = {
    "tensor(float)": (real.DataType.FLOAT, np.float32),
    "tensor(float16)": (real.DataType.HALF, np.float16),
    "tensor(uint8)": (real.DataType.UINT8, np.uint8),
    "tensor(int64)": (real.DataType.INT64, np.int64),
}
MOST_BRANCHES = 2


class StandInTensorRt:
    """The module; ``compiles``: the edition that does so as it plays. ``frames``: the most that its engines take."""

    def __init__(
        self, driver: StandInRuntime, frames: int, *, compiles: bool = True, version: str = "1.7.1.116"
    ) -> None:
        self.driver, self.frames, self.compiles, self.__version__ = driver, frames, compiles, version
        self.capturable = True
        self.compiled: list[str] = []
        """What was compiled, not found in a cache."""
        self.alive: weakref.WeakSet[Any] = weakref.WeakSet()
        """Runtimes, engines and contexts that are not gone."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self.compiles and name in {"CudaGraphStrategy", "DynamicShapesKernelSpecializationStrategy"}:
            raise AttributeError(f"TensorRT has no {name}")
        return getattr(real, name)

    def Runtime(self, logger: Any) -> "Runtime":  # noqa: N802  (the module's own name)
        check_bound(real.Runtime, "__init__", (logger,), {}, MIRRORED)
        return Runtime(self, logger)


@mirrors(real.Runtime)
class Runtime:
    def __init__(self, module: StandInTensorRt, logger: Any) -> None:
        self._module, self._logger = module, logger
        module.alive.add(self)

    def deserialize_cuda_engine(self, serialized_engine: Any) -> Any:
        content = bytes(serialized_engine)
        if content.startswith(b"damaged"):
            self._logger.log(real.ILogger.ERROR, "the plan has\nno magic tag")
            self._logger.log(real.ILogger.ERROR, "something that follows from it")
            return None
        return Engine(self._module, self, content)


@cache
def _session(content: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


@mirrors(real.ICudaEngine)
class Engine:
    def __init__(self, module: StandInTensorRt, runtime: Runtime, content: bytes) -> None:
        self._module, self._runtime = module, runtime
        self._session = _session(content)
        self._inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        self._outputs = {tensor.name: tensor for tensor in self._session.get_outputs()}
        self._tensors = self._inputs | self._outputs
        module.alive.add(self)

    @property
    def num_io_tensors(self) -> int:
        return len(self._tensors)

    @property
    def device_memory_size_v2(self) -> int:
        return 1000 if "frames" in self._inputs else 700

    def get_tensor_name(self, index: int) -> str:
        return str(list(self._tensors)[index])

    def get_tensor_shape(self, name: str) -> Any:
        return real.Dims([-1 if isinstance(size, str) else size for size in self._tensors[name].shape])

    def get_tensor_dtype(self, name: str) -> Any:
        return DTYPES[self._tensors[name].type][0]

    def get_tensor_mode(self, name: str) -> Any:
        return real.TensorIOMode.INPUT if name in self._inputs else real.TensorIOMode.OUTPUT

    def get_tensor_bytes_per_component(self, name: str) -> int:
        return np.dtype(DTYPES[self._tensors[name].type][1]).itemsize

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Any]:
        assert name in self._inputs
        most = {"B": MOST_BRANCHES, "F": self._module.frames}
        shape = self._inputs[name].shape
        return [
            real.Dims([least if isinstance(size, str) else size for size in shape for least in [1]]),
            real.Dims([1 if isinstance(size, str) else size for size in shape]),
            real.Dims([most[size] if isinstance(size, str) else size for size in shape]),
        ]

    def create_runtime_config(self) -> Any:
        return RtxRuntimeConfig() if self._module.compiles else RuntimeConfig()

    def create_execution_context(self, runtime_config: Any) -> Any:
        kind = RtxContext if self._module.compiles else Context
        return kind(self._module, self, runtime_config)


MIRRORED["IRuntimeConfig"] = RuntimeConfig


@mirrors(real.IExecutionContext)
class Context:
    _lazy: ClassVar[bool] = False

    def __init__(self, module: StandInTensorRt, engine: Engine, config: Any) -> None:
        self._module, self._driver, self._engine, self._config = module, module.driver, engine, config
        assert config.strategy == real.ExecutionContextAllocationStrategy.USER_MANAGED
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._scratch: tuple[int, int] | None = None
        self._warm = self._captured = False
        module.alive.add(self)

    def set_device_memory(self, memory: int, size: int) -> None:
        self._unchanged()
        assert memory % 256 == 0
        self._scratch = memory, size

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._unchanged()
        wanted = self._engine.get_tensor_profile_shape(name, 0)
        fits = len(shape) == len(wanted[0]) and all(
            least <= size <= most for least, size, most in zip(wanted[0], shape, wanted[2], strict=True)
        )
        if fits:
            self._shapes[name], self._warm = tuple(shape), False
        return fits

    def infer_shapes(self) -> list[str]:
        free = {name for name in self._engine._inputs if -1 in self._engine.get_tensor_shape(name)}
        return sorted(free - set(self._shapes))

    def get_tensor_shape(self, name: str) -> Any:
        return real.Dims(list(self._shape(name)))

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self._engine._tensors or memory % 256:
            return False
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        if set(self._engine._tensors) - set(self._addresses) or self._scratch is None:
            return False
        capturing = self._driver.capturing(stream_handle)
        if capturing and not (self._warm and self._module.capturable):
            self._driver.break_captures()
            return False
        self._compile()
        self._warm, self._captured = True, self._captured or capturing
        addresses, scratch, itself = dict(self._addresses), self._scratch, weakref.ref(self)

        def work() -> None:
            context = itself()
            if context is None:
                self_gone = "a context was gone before the graph that was captured of it"
                driver.wrongs.append(self_gone)
            else:
                context._run(addresses, scratch)

        driver = self._driver
        driver.enqueue(stream_handle, work)
        return True

    def __del__(self) -> None:
        if self._scratch is not None and not self._driver.holds(self._scratch[0]):
            self._driver.wrongs.append("a context outlived the memory it was given")

    def _unchanged(self) -> None:
        if self._captured:
            self._driver.wrongs.append("a context was changed after it was captured")

    def _shape(self, name: str) -> tuple[int, ...]:
        if name in self._shapes:
            return self._shapes[name]
        known = {
            size: value
            for given, shape in self._shapes.items()
            for size, value in zip(self._engine._inputs[given].shape, shape, strict=True)
        }
        return tuple(known.get(size, size) for size in self._engine._tensors[name].shape)

    def _compile(self) -> None:
        """Nothing; TensorRT's engines are compiled as they are built."""

    def _run(self, addresses: dict[str, int], scratch: tuple[int, int]) -> None:
        driver, engine = self._driver, self._engine
        assert scratch[1] >= engine.device_memory_size_v2
        driver.array(*scratch)[:] = 0xEE  # used by all
        feed = {name: self._array(name, addresses[name]).copy() for name in engine._inputs}
        for name, value in zip(engine._outputs, engine._session.run(list(engine._outputs), feed), strict=True):
            self._array(name, addresses[name])[...] = value

    def _array(self, name: str, address: int) -> Any:
        shape, dtype = self._shape(name), np.dtype(DTYPES[self._engine._tensors[name].type][1])
        return self._driver.array(address, prod(shape) * dtype.itemsize).view(dtype).reshape(shape)


class RtxContext(Context):
    """As TensorRT for RTX has it: it compiles at its first execution, unless the cache knows it."""

    def is_stream_capturable(self, stream: int) -> bool:
        check_bound(real.IExecutionContext, "is_stream_capturable", (stream,), {}, MIRRORED)
        assert not self._driver.capturing(stream)
        return self._module.capturable

    def _compile(self) -> None:
        strategies = real.DynamicShapesKernelSpecializationStrategy
        assert self._config.dynamic_shapes_kernel_specialization_strategy == strategies.EAGER
        assert self._config.cuda_graph_strategy == real.CudaGraphStrategy.DISABLED
        key = json.dumps(sorted(self._shapes.items()))
        if not (self._config.cached and key in self._config.cache._known):
            self._module.compiled.append(key)
            self._config.cache._known.add(key)
