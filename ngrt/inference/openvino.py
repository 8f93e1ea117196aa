"""A bundle's graphs under OpenVINO, on the CPU."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ngrt.errors import BundleError, EngineError
from ngrt.inference.engine import Feed, HostEngine, Shapes, closed
from ngrt.inference.failures import Failure, import_library
from ngrt.policy.bundle import Backend, Graph, GraphName, Manifest, Tensor
from ngrt.policy.contents import GraphFiles
from ngrt.processor import processor, usable_cores
from ngrt.usage import no_reporter

LOAD = Failure((RuntimeError,), BundleError, "{what} cannot be loaded ({reason})", "export the bundle again")
RUN = Failure(
    (RuntimeError, TypeError, ValueError),
    EngineError,
    "the engine failed ({reason})",
    "free memory, or export the bundle again",
)


class OpenvinoEngine(HostEngine):
    """OpenVINO's CPU device; ``threads``: as many as it may use cores if None.

    Products are in bfloat16 for a bf16 bundle where the processor has it, in float32 for any other: by itself OpenVINO
    would choose bfloat16 for those as well.

    :raises MissingExtraError: OpenVINO is not installed
    :raises BundleError: a graph was changed or cannot be loaded
    """

    backend: Backend = "openvino"

    def __init__(self, folder: Path, manifest: Manifest, threads: int | None = None) -> None:
        openvino = import_openvino()
        with LOAD.translated(folder):
            core = openvino.Core()
        count = threads or usable_cores()
        self.place = f"OpenVINO {openvino.__version__}, {processor()}"

        def load(name: GraphName) -> _Graph:
            half = manifest.precision == "bf16" and name != "schedule"  # times of several hundreds need float32
            settings = _settings("bf16" if half else "f32", count)
            with GraphFiles(folder, manifest.graphs[name]) as files:
                model = _read(core, files)
                with LOAD.translated(files.path):
                    compiled = core.compile_model(model, "CPU", settings)
                files.check_unchanged()
                return _Graph(openvino, compiled, manifest.graphs[name])

        names: tuple[GraphName, ...] = ("observe", "denoise", "schedule")
        # side by side, as ONNX Runtime's
        with LOAD.translated(folder), ThreadPoolExecutor(thread_name_prefix="ngrt-load") as pool:
            self._graphs = dict(zip(names, pool.map(load, names), strict=True))
        self.name = f"OpenVINO, CPU, {self._graphs['denoise'].precision}"

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return what ``graph`` takes and gives, as it was loaded."""
        return self._graphs[graph].signature

    def run(self, graph: GraphName, feed: Feed) -> dict[str, Any]:
        """Return the outputs of ``graph`` by name; bfloat16 as its bits, in uint16.

        :raises EngineError: it failed
        """
        loaded = self._graphs.get(graph)
        if loaded is None:
            raise closed()
        with RUN.translated():
            return loaded.run(feed)

    def close(self) -> None:
        """Free the graphs."""
        self._graphs.clear()


class _Graph:
    """One compiled graph. Inputs are shared with it, not copied, and bound only where they are not those of before.

    It has one set of inputs and outputs, so that threads take turns.
    """

    def __init__(self, openvino: Any, compiled: Any, stated: Graph) -> None:
        self._openvino, self._request = openvino, compiled.create_infer_request()
        self.precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        inputs, outputs = _named(compiled.inputs, stated.inputs), _named(compiled.outputs, stated.outputs)
        self.signature = _shapes(inputs), _shapes(outputs)
        self._types = {name: port.element_type for name, port in inputs.items()}
        self._outputs = list(outputs)
        self._bound: dict[str, npt.NDArray[np.generic]] = {}
        self._turn = Lock()

    def run(self, feed: Feed) -> dict[str, Any]:
        """Return copies of the outputs: the next run writes over what the graph gave."""
        with self._turn:
            for name, array in feed.items():
                if self._bound.get(name) is not array:
                    self._bind(name, array)
            self._request.infer()
            return {name: _copied(self._request.get_tensor(name)) for name in self._outputs}

    def _bind(self, name: str, array: npt.NDArray[np.generic]) -> None:
        kind = self._types[name]
        if array.dtype == np.uint16:  # bits
            self._request.set_tensor(name, self._openvino.Tensor(array, array.shape, kind))
        elif array.flags.c_contiguous and array.flags.writeable:
            self._request.set_tensor(name, self._openvino.Tensor(array, shared_memory=True))
        else:
            self._request.set_tensor(name, self._openvino.Tensor(array))
            self._bound.pop(name, None)  # a copy: what is in the array may change
            return
        self._bound[name] = array


def import_openvino() -> Any:
    """Return the module ``openvino``, imported without what reports its use.

    :raises MissingExtraError: it is not installed
    :raises BundleError: it is installed and cannot be loaded
    """
    with no_reporter():
        return import_library("openvino", "openvino", ", or use --backend cpu")


def _read(core: Any, files: GraphFiles) -> Any:
    """Return the graph in ``files``, read by OpenVINO.

    :raises BundleError: it is none, or names files that are not its own
    """
    files.check_graph()
    with LOAD.translated(files.path):
        # from bytes it finds no weights in files of their own: those graphs it reads once more, by name
        return core.read_model(f"{files.pinned}/{files.path.name}") if files.data else core.read_model(files.content)


def _settings(precision: str, threads: int) -> Mapping[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # it would bind threads to cores that this process was not given
    }


def _named(ports: Sequence[Any], stated: Sequence[Tensor]) -> dict[str, Any]:
    """Return the ports by the name the manifest has: one that OpenVINO has simplified goes by several."""
    names = {tensor.name for tensor in stated}
    return {next(iter(port.names & names), port.any_name): port for port in ports}


def _shapes(ports: Mapping[str, Any]) -> dict[str, list[int | str]]:
    return {
        name: [str(size) if size.is_dynamic else size.get_length() for size in port.partial_shape]
        for name, port in ports.items()
    }


def _copied(tensor: Any) -> npt.NDArray[np.generic]:
    data: npt.NDArray[np.generic] = tensor.data
    return (data.view(np.uint16) if tensor.element_type.to_string() == "bf16" else data).copy()
