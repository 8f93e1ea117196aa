"""One serialized engine, loaded, and the contexts that execute it.

What is relied on, and where NVIDIA says it. A captured graph holds the addresses of inputs, outputs and scratch memory
and the shapes of its context, and the context must not be changed after; hence one context a graph, all of them sharing
one scratch memory (docs.nvidia.com/deeplearning/tensorrt-rtx/latest/performance/optimization.html, "Inference with CUDA
Graphs"). The first execution after shapes change does work that cannot be captured; hence one before each capture.
Addresses are no such change: between the executions of one capture they are set anew, and each execution takes those it
finds. That last is how IExecutionContext::enqueueV3 is described, not something that was seen to work here.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngrt.errors import EngineError
from ngrt.inference.cache import cache_folder
from ngrt.inference.cuda.driver import Cuda
from ngrt.inference.engine import Shapes
from ngrt.inference.tensorrt.edition import Toolkit
from ngrt.inference.tensorrt.failures import LOAD, SHAPES
from ngrt.inference.tensorrt.kernels import Kernels
from ngrt.policy.bundle import Graph
from ngrt.policy.contents import GraphFiles
from ngrt.resource import Resource

FREE = "?"
"""A dimension that may vary."""


@dataclass(frozen=True)
class EngineTensor:
    """An input or output: shape (`FREE` where it may vary), the most rows it takes, type, bytes of an element."""

    shape: tuple[int | str, ...]
    rows: int
    dtype: Any
    itemsize: int
    is_input: bool


@dataclass(frozen=True)
class Source:
    """Where an engine's file is, and what to say if it cannot be loaded."""

    folder: Path
    graph: Graph
    remedy: str


class LoadedEngine(Resource):
    """An engine on the device. ``close`` frees it, after its contexts.

    :raises BundleError: its file was changed, or cannot be loaded here
    """

    def __init__(self, toolkit: Toolkit, cuda: Cuda, source: Source) -> None:
        self._toolkit, self._cuda = toolkit, cuda
        self.file = source.graph.file
        # mapped: the library copies it to the device, and hundreds of megabytes need not be in memory besides
        with GraphFiles(source.folder, source.graph, mapped=True) as files:
            # the runtime and the settings are kept as long as what was made with them
            self._runtime = toolkit.trt.Runtime(toolkit.logger)
            self._engine = self._deserialized(source, files)
            files.check_unchanged()
        self.tensors = self._described()
        self._config = self._engine.create_runtime_config()
        strategies = toolkit.trt.ExecutionContextAllocationStrategy
        self._config.set_execution_context_allocation_strategy(strategies.USER_MANAGED)
        self._kernels = self._compiling(source.graph) if toolkit.edition.compiles else None

    @property
    def scratch(self) -> int:
        """Bytes of scratch memory that an execution needs, whatever its shapes."""
        return int(self._engine.device_memory_size_v2)

    def sizes(self, name: str) -> tuple[int, ...]:
        """Return a shape of which nothing may vary.

        :raises EngineError: something may
        """
        shape = tuple(size for size in self.tensors[name].shape if isinstance(size, int))
        if len(shape) != len(self.tensors[name].shape):
            raise EngineError(f"{self.file}: {name} varies in size", remedy="export the bundle again")
        return shape

    def signature(self) -> tuple[Shapes, Shapes]:
        """Return what it takes and gives."""
        taken = {name: tensor.shape for name, tensor in self.tensors.items() if tensor.is_input}
        given = {name: tensor.shape for name, tensor in self.tensors.items() if not tensor.is_input}
        return taken, given

    def context(self, things: ExitStack, shapes: Mapping[str, tuple[int, ...]], scratch: int | None) -> "Context":
        """Return a new context for inputs of ``shapes``, with scratch memory at the address ``scratch``.

        :raises EngineError: the engine does not take them
        """
        self._toolkit.messages.take()
        context = self._engine.create_execution_context(runtime_config=self._config)
        made = Context(self._toolkit, self.file, context)
        things.callback(made.close)
        made.demand(context is not None, "create a context")
        if scratch is not None:
            context.set_device_memory(scratch, self.scratch)
        for name, shape in shapes.items():
            made.demand(context.set_input_shape(name, shape), f"take {name} of shape {shape}")
        with SHAPES.translated(self.file):
            missing = context.infer_shapes()
        made.demand(not missing, f"run without {', '.join(missing)}")
        return made

    def keep_kernels(self) -> None:
        """Write what was compiled since the last time to the user's cache."""
        if self._kernels is not None:
            self._kernels.save()

    def close(self) -> None:
        """Let go of the engine."""
        self._kernels = self._config = self._engine = self._runtime = None

    def _deserialized(self, source: Source, files: GraphFiles) -> Any:
        self._toolkit.messages.take()
        what = f"{files.path}: {self._toolkit.name} cannot load it on {self._cuda.name}"
        with LOAD.translated(what, source.remedy):
            engine = self._runtime.deserialize_cuda_engine(files.content)
        if engine is None:
            raise LOAD.made(self._toolkit.messages.take(), what, source.remedy)
        return engine

    def _described(self) -> dict[str, EngineTensor]:
        engine = self._engine
        return {
            name: EngineTensor(
                shape=tuple(FREE if size < 0 else int(size) for size in engine.get_tensor_shape(name)),
                rows=self._rows(name),
                dtype=engine.get_tensor_dtype(name),
                itemsize=int(engine.get_tensor_bytes_per_component(name)),
                is_input=engine.get_tensor_mode(name) == self._toolkit.trt.TensorIOMode.INPUT,
            )
            for name in (engine.get_tensor_name(index) for index in range(engine.num_io_tensors))
        }

    def _rows(self, name: str) -> int:
        shape = self._engine.get_tensor_shape(name)
        if len(shape) == 0 or shape[0] >= 0:
            return int(shape[0]) if len(shape) else 1
        if self._engine.get_tensor_mode(name) != self._toolkit.trt.TensorIOMode.INPUT:
            return 0  # as many as the inputs have
        _least, _usual, most = self._engine.get_tensor_profile_shape(name, 0)
        return int(most[0])

    def _compiling(self, graph: Graph) -> Kernels:
        """Prepare for kernels that are compiled as an engine first runs: at once, and with a memory."""
        trt, config = self._toolkit.trt, self._config
        # its usual way is to compile in the background: a graph captured meanwhile would keep the slow kernels for good
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        config.cuda_graph_strategy = trt.CudaGraphStrategy.DISABLED  # the graphs are ours
        version = f"{self._toolkit.edition.module}-{self._toolkit.version}-{self._cuda.capability}"
        return Kernels(config, cache_folder() / f"{version}-{graph.sha256[:16]}.kernels")


class Context(Resource):
    """Executes an engine for one choice of shapes. Whatever fails names the file and what the library says of it."""

    def __init__(self, toolkit: Toolkit, file: str, context: Any) -> None:
        self._toolkit, self._file, self._context = toolkit, file, context

    def bind(self, addresses: Mapping[str, int]) -> None:
        """Set where tensors are on the device."""
        for name, address in addresses.items():
            self.demand(self._context.set_tensor_address(name, address), f"take {name} at {address:#x}")

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, given those of the inputs."""
        return tuple(int(size) for size in self._context.get_tensor_shape(name))

    def execute(self, stream: int) -> None:
        """Put one execution on the stream."""
        self.demand(self._context.execute_async_v3(stream), "run")

    def check_capturable(self, stream: int) -> None:
        """Check that executions can be captured, where the edition can tell.

        :raises EngineError: they cannot
        """
        if self._toolkit.edition.compiles:
            self.demand(self._context.is_stream_capturable(stream), "be captured in a CUDA graph")

    def close(self) -> None:
        """Let go of it."""
        self._context = None

    def demand(self, fine: bool, what: str) -> None:
        """Check what the library said of a call.

        :raises EngineError: it refused
        """
        if not fine:
            raise EngineError(
                f"{self._toolkit.name}: {self._file} cannot {what} ({self._toolkit.messages.take()})",
                remedy="start again, or use an onnx bundle",
            )
