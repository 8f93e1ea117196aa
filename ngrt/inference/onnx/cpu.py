"""A bundle's graphs under ONNX Runtime, on the CPU."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime as ort

from ngrt.inference.engine import Feed, HostEngine, Shapes
from ngrt.inference.onnx.failures import LOAD, RUN
from ngrt.inference.onnx.saturation import saturates
from ngrt.policy.bundle import Backend, GraphName, Manifest, check_graph

ort.disable_telemetry_events()  # on Windows it has some; ngrt reports to nobody


class OnnxEngine(HostEngine):
    """ONNX Runtime's CPU provider; ``threads`` for each graph, as many as there are cores if None.

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
        def load(name: GraphName) -> ort.InferenceSession:
            check_graph(folder, manifest.graphs[name])
            return _session(folder, manifest, name, threads)

        # side by side: hashing and loading the two large ones each keep a core busy for seconds
        with ThreadPoolExecutor(thread_name_prefix="ngrt-load") as pool:
            self._sessions = dict(zip(graphs, pool.map(load, graphs), strict=True))
        self._outputs = {graph: list(self.signature(graph)[1]) for graph in graphs}  # asked for once, not in each run

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return what ``graph`` takes and gives, as it was loaded."""
        session = self._sessions[graph]
        return _shapes(session.get_inputs()), _shapes(session.get_outputs())

    def run(self, graph: GraphName, feed: Feed) -> dict[str, Any]:
        """Return the outputs of ``graph`` by name.

        :raises EngineError: it failed
        """
        names = self._outputs[graph]
        with RUN.translated():
            return dict(zip(names, self._sessions[graph].run(names, feed), strict=True))

    def close(self) -> None:
        """Free the sessions."""
        self._sessions.clear()


def _session(folder: Path, manifest: Manifest, name: GraphName, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # its errors are raised; printed, they would have names from the graph in them
    if threads is not None:
        options.intra_op_num_threads = threads
    # each session has threads of its own: those of one must not spin, waiting, while those of the other work
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if manifest.precision == "int8" and saturates():
        options.add_session_config_entry("session.x64quantprecision", "1")
    path = folder / manifest.graphs[name].file
    with LOAD.translated(path):
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _shapes(tensors: Sequence[ort.NodeArg]) -> dict[str, list[int | str]]:
    return {tensor.name: tensor.shape for tensor in tensors}
