"""A bundle's graphs under ONNX Runtime, on the CPU."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ngrt.errors import BundleError
from ngrt.inference.engine import Feed, HostEngine, Shapes, closed
from ngrt.inference.onnx.failures import LOAD, RUN
from ngrt.inference.onnx.library import ort, package
from ngrt.inference.onnx.saturation import INT8_PRODUCT, PRECISE, ZERO_POINT, saturates
from ngrt.inference.onnx.sessions import open_session
from ngrt.policy.bundle import Backend, GraphName, Manifest
from ngrt.policy.contents import GraphFiles
from ngrt.policy.references import all_have
from ngrt.processor import processor, usable_cores


class OnnxEngine(HostEngine):
    """ONNX Runtime's CPU provider; ``threads`` for each graph, as many as it may use cores if None.

    ``graphs``: those that it runs, where others are another engine's.

    :raises BundleError: a graph was changed or cannot be loaded
    """

    name = "ONNX Runtime, CPU"
    backend: Backend = "cpu"

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        threads: int | None = None,
        graphs: Sequence[GraphName] = ("observe", "denoise", "schedule"),
    ) -> None:
        # never left to the library: it would bind threads to cores that this process was not given
        count = threads or usable_cores()

        def load(name: GraphName) -> ort.InferenceSession:
            with GraphFiles(folder, manifest.graphs[name]) as files:
                precise = manifest.precision == "int8" and _precise(files)
                return open_session(files, _options(count, precise=precise), ["CPUExecutionProvider"], LOAD)

        # side by side: hashing and loading the two large ones each keep a core busy for seconds
        with LOAD.translated(folder), ThreadPoolExecutor(thread_name_prefix="ngrt-load") as pool:
            self._sessions = dict(zip(graphs, pool.map(load, graphs), strict=True))
        self._outputs = {graph: list(self.signature(graph)[1]) for graph in graphs}  # asked for once, not in each run

    @property
    def place(self) -> str:
        """ONNX Runtime's version, and the processor."""
        return f"ONNX Runtime {ort.__version__}, {processor()}"

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return what ``graph`` takes and gives, as it was loaded."""
        session = self._sessions[graph]
        return _shapes(session.get_inputs()), _shapes(session.get_outputs())

    def run(self, graph: GraphName, feed: Feed) -> dict[str, Any]:
        """Return the outputs of ``graph`` by name.

        :raises EngineError: it failed
        """
        names, session = self._outputs[graph], self._sessions.get(graph)
        if session is None:
            raise closed()
        with RUN.translated():
            return dict(zip(names, session.run(names, feed), strict=True))

    def close(self) -> None:
        """Free the sessions."""
        self._sessions.clear()


def _options(threads: int, *, precise: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # its errors are raised; printed, they would have names from the graph in them
    options.intra_op_num_threads = threads
    # each session has threads of its own: those of one must not spin, waiting, while those of the other work
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if precise:
        options.add_session_config_entry(PRECISE, "1")
    return options


def _precise(files: GraphFiles) -> bool:
    """Return whether int8 products must be asked to be precise.

    :raises BundleError: that would be in vain, for the products have no zero point
    """
    if not saturates():
        return False
    files.check_graph()
    if saturates(precise=True, zero_points=all_have(memoryview(files.content), INT8_PRODUCT, ZERO_POINT)):
        raise BundleError(
            f"ONNX Runtime {ort.__version__} computes the int8 products of {files.path} wrongly on this processor",
            remedy=f"pip install -U {package()}, or export the bundle again",
        )
    return True


def _shapes(tensors: Sequence[ort.NodeArg]) -> dict[str, list[int | str]]:
    return {tensor.name: tensor.shape for tensor in tensors}
