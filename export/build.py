"""Bundles of one checkpoint, in a folder that is not in its place yet: verified, gated, turned into engines.

Graphs are verified against the checkpoint. A lossy engine is held, by the gate, to fp32 graphs that were.
"""

import math
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from export.calibration import Calibration
from export.checkpoint import Checkpoint
from export.emulate import emulated
from export.fp8 import emulated_fp8, quantize, quantize_graph
from export.gate import BUTTONS_LEAST, STICK_LIMIT, gate
from export.hub import NITROGEN_SHA256
from export.products import Int8Product
from export.to_onnx import DATA_LIMIT, write_graph
from export.to_tensorrt import ENGINES, Order, build_engine, timings_file
from export.toolkit import Toolkit
from export.verify import LIMITS, verify
from export.worst_layer import Rounding
from ngrt.errors import ExportError
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.runners import RUNNERS
from ngrt.policy.bundle import MANIFEST, Gate, Graph, GraphName, Manifest, Parity, Precision
from ngrt.policy.bundle import Checkpoint as Origin
from ngrt.policy.spec import GraphSpec

Progress = Callable[[str, float], None]
"""Told of each stage: what it does, and the share of the whole that is done before it."""

TOOLS = ("ngrt", "torch", "onnx", "onnxscript")
GRAPHS: tuple[tuple[GraphName, float], ...] = (("schedule", 0.0), ("observe", 0.1), ("denoise", 0.6))
"""Each graph and the share of the time of writing all that lies before it, at the released size."""

INSTEAD: dict[Precision, Precision] = {"int8": "fp32", "fp8": "fp16"}
"""The lossy precisions, and what to try where they fail."""

RANGES = 3
"""Every third observation gives fp8 its ranges; the gate is on the others."""

NVIDIA_NOTICE = (
    "Made from NitroGen's weights, which are NVIDIA's and carry NVIDIA's non-commercial licence; so does this engine."
)


def span(progress: Progress, start: float, end: float) -> Progress:
    """Return what tells the progress of a part of the work that goes from ``start`` to ``end`` of the whole."""
    return lambda stage, share: progress(stage, start + share * (end - start))


@dataclass(frozen=True, slots=True)
class Source:
    """What bundles are made from: the checkpoint, its hash and its policy, and what they are called.

    ``data_limit``: bytes of weights above which a graph keeps them in a file of their own.
    """

    name: str
    loaded: Checkpoint
    digest: str
    policy: GraphSpec
    data_limit: int = DATA_LIMIT

    def written(self, precision: Precision, folder: Path, progress: Progress) -> Manifest:
        """Write the ONNX graphs and a manifest that does not know their parity yet."""
        graphs = {}
        for name, share in GRAPHS:
            progress(f"writing {name} in {precision}", share)
            graphs[name] = write_graph(name, self.loaded.model, precision, folder, self.data_limit)
        return keep(self._manifest(precision, graphs), folder)

    def verified(self, precision: Precision, folder: Path, progress: Progress) -> Manifest:
        """Write a bundle that agrees with the checkpoint.

        :raises ExportError: it does not
        """
        manifest = self.written(precision, folder, span(progress, 0, 0.75))
        progress("verifying against the checkpoint", 0.75)
        parity = verify(self.loaded, folder, precision, policy=self._played(folder, manifest))
        return keep(manifest.model_copy(update={"parity": parity}), folder)

    def _played(self, folder: Path, manifest: Manifest) -> EnginePolicy:
        """Return the policy of graphs that were just written, by the same backend every time.

        ONNX Runtime has no kernels for bf16 on CPUs; without OpenVINO torch stands in for them.
        """
        if manifest.precision != "bf16":
            return open_policy(folder, backend="cpu")
        if RUNNERS["openvino"].lacking():
            return emulated(self.loaded.model, manifest, "bf16")
        return open_policy(folder, backend="openvino")

    def int8(self, folder: Path, calibration: Calibration, progress: Progress) -> Manifest:
        """Write an int8 bundle and how it fares at the gate. Its parity is that of the fp32 graphs it is held to."""
        exact = folder / "exact"
        exact.mkdir()
        parity = self.verified("fp32", exact, span(progress, 0, 0.45)).parity
        manifest = self.written("int8", folder, span(progress, 0.45, 0.6)).model_copy(update={"parity": parity})
        layers = Rounding(
            self.loaded.model,
            lambda _graph, _name, product: Int8Product(product.weight, product.bias),
            calibration.observations[0],
        )
        with closing(self._played(exact, manifest)) as reference, closing(self._played(folder, manifest)) as candidate:
            fares = self._judged(reference, candidate, calibration, layers, span(progress, 0.6, 1))
        shutil.rmtree(exact)
        return keep(manifest.model_copy(update={"gate": fares}), folder)

    def fp8(self, folder: Path, calibration: Calibration, progress: Progress) -> Manifest:
        """Write a bundle of fp8 graphs, for TensorRT, and how torch's emulation of it fares at the gate.

        Its parity is that of the fp16 graphs that are quantized: it says that they were traced right.
        """
        manifest = self.verified("fp16", folder, span(progress, 0, 0.5))
        progress("quantizing", 0.5)
        ranges, held = calibration.parted(RANGES)
        quantized = quantize(self.loaded.model, manifest, ranges.observations)
        layers = Rounding(
            self.loaded.model,
            lambda graph, name, _product: quantized.products.get(graph, {}).get(name),
            held.observations[0],
        )
        reference, candidate = emulated(self.loaded.model, manifest, "fp32"), emulated_fp8(quantized, manifest)
        fares = self._judged(reference, candidate, held, layers, span(progress, 0.6, 1))
        graphs = dict(manifest.graphs)
        for name, products in quantized.products.items():
            graphs[name] = quantize_graph(folder / graphs[name].file, products)
        return keep(manifest.model_copy(update={"precision": "fp8", "graphs": graphs, "gate": fares}), folder)

    def _judged(
        self,
        reference: EnginePolicy,
        candidate: EnginePolicy,
        calibration: Calibration,
        layers: Rounding,
        progress: Progress,
    ) -> Gate:
        return gate(
            reference,
            candidate,
            calibration,
            layers.worst,
            lambda share: progress("comparing with the fp32 graphs", share),
        )

    def engines(self, toolkit: Toolkit, folder: Path, manifest: Manifest, progress: Progress) -> Manifest:
        """Turn the graphs in ``folder`` into engines, and verify those where this machine's GPU can run them.

        :raises ExportError: they cannot be built, or are not what they were built of
        """
        graphs = dict(manifest.graphs)
        for number, name in enumerate(ENGINES):
            part = span(progress, number / len(ENGINES), (number + 1) / len(ENGINES))

            def report(share: float, name: str = name, part: Progress = part) -> None:
                part(f"building {name} with {toolkit.edition.module}", share)

            report(0)
            order = Order(graphs[name], folder, manifest.policy.context_frames, timings_file(toolkit))
            graphs[name] = build_engine(toolkit, order, report)
        manifest = manifest.model_copy(
            update={
                "target": toolkit.edition.target,
                "capabilities": toolkit.capabilities,
                "graphs": graphs,
                "tools": manifest.tools | {toolkit.edition.module: toolkit.version},
            }
        )
        return self._verified_on_this_gpu(toolkit, folder, keep(manifest, folder))

    def _verified_on_this_gpu(self, toolkit: Toolkit, folder: Path, manifest: Manifest) -> Manifest:
        """Never run on a machine that has a GPU."""
        if toolkit.here not in toolkit.capabilities or manifest.precision not in LIMITS:
            return manifest
        parity = verify(self.loaded, folder, manifest.precision)
        return keep(manifest.model_copy(update={"parity": parity}), folder)

    def _manifest(self, precision: Precision, graphs: dict[GraphName, Graph]) -> Manifest:
        loaded = self.loaded
        return Manifest(
            name=self.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            precision=precision,
            checkpoint=Origin(
                file=loaded.path.name, sha256=self.digest, parameters=loaded.parameters, tensors=loaded.tensors
            ),
            policy=self.policy,
            config=loaded.raw_config,
            graphs=graphs,
            # until verified; the bundle is not in its place before
            parity=Parity(context=0, actions=0, actions_limit=0, buttons_agree=0, chunks=0, steps=0),
            tools={tool: version(tool) for tool in TOOLS},
            notice=NVIDIA_NOTICE if self.digest == NITROGEN_SHA256 else "",
        )


def refuse_failed(manifest: Manifest, *, force: bool) -> None:
    """Refuse an engine that failed its gate, even by ``force`` if its actions are no numbers.

    :raises ExportError: it did
    """
    if manifest.gate is None or not manifest.gate.failure:
        return
    if not math.isfinite(manifest.gate.stick_error):
        raise ExportError(
            f"the {manifest.precision} engine's actions are not all numbers; nothing was written",
            remedy=f"try --precision {INSTEAD[manifest.precision]}",
        )
    if not force:
        raise ExportError(
            (
                f"the {manifest.precision} engine is too far from the fp32 graphs: "
                f"{manifest.gate.failure}; limits are {BUTTONS_LEAST:.0%} and {STICK_LIMIT}; "
                "nothing was written"
            ),
            remedy=f"try --precision {INSTEAD[manifest.precision]}, or --force to write it all the same",
        )


def keep(manifest: Manifest, folder: Path) -> Manifest:
    """Write ``manifest`` into ``folder`` and return it."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return manifest
