"""Builds the bundles of one checkpoint in a temporary folder: writes the graphs, verifies them, builds engines.

Graphs are verified against the checkpoint. A lossy engine passes a gate: it is compared with verified fp32 graphs.
"""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from export.calibration import Calibration
from export.checkpoint import Checkpoint
from export.emulate import emulated
from export.fp8 import emulated_fp8, quantize, quantize_graph
from export.gate import gate
from export.hub import NITROGEN_SHA256
from export.products import Int8Product
from export.to_onnx import DATA_LIMIT, write_graph
from export.to_tensorrt import ENGINES, BuildRequest, build_engine, timings_file
from export.toolkit import Toolkit
from export.verify import LIMITS, verify
from export.worst_layer import Rounding
from ngrt.errors import ExportError
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.recheck import reference_of
from ngrt.inference.runners import RUNNERS
from ngrt.policy.agreement import BUTTONS_LEAST, STICK_LIMIT
from ngrt.policy.bundle import MANIFEST, Gate, Graph, GraphName, Manifest, Parity, Precision
from ngrt.policy.bundle import Checkpoint as Origin
from ngrt.policy.spec import GraphSpec
from ngrt.text import printable

Progress = Callable[[str, float], None]
"""Called before each stage with its name and the share of the whole that is done."""

TOOLS = ("ngrt", "torch", "onnx", "onnxscript")
GRAPHS: tuple[tuple[GraphName, float], ...] = (("schedule", 0.0), ("observe", 0.1), ("denoise", 0.6))
"""Each graph, and the share of the writing time before it, at the released size."""

INSTEAD: dict[Precision, Precision] = {"int8": "fp32", "fp8": "fp16"}
"""The lossy precisions, and what to try if they fail."""

RANGES = 3
"""Every third observation is used for fp8's ranges, the others for the gate."""

NVIDIA_NOTICE = (
    "Made from NitroGen's weights, which are NVIDIA's and carry NVIDIA's non-commercial licence; so does this engine."
)


def span(progress: Progress, start: float, end: float) -> Progress:
    """Return the progress for a part of the work, from ``start`` to ``end`` of the whole."""
    return lambda stage, share: progress(stage, start + share * (end - start))


@dataclass(frozen=True, slots=True)
class Source:
    """The checkpoint that bundles are made from: the bundle's name, the checkpoint, its SHA-256 and its policy.

    ``data_limit``: bytes of weights above which a graph keeps them in a file of their own.
    """

    name: str
    loaded: Checkpoint
    digest: str
    policy: GraphSpec
    data_limit: int = DATA_LIMIT

    def written(self, precision: Precision, folder: Path, progress: Progress) -> Manifest:
        """Write the ONNX graphs and a manifest, whose parity is not known yet."""
        graphs = {}
        for name, share in GRAPHS:
            progress(f"writing {name} in {precision}", share)
            graphs[name] = write_graph(name, self.loaded.model, precision, folder, self.data_limit)
        return write_manifest(self._manifest(precision, graphs), folder)

    def verified(self, precision: Precision, folder: Path, progress: Progress) -> Manifest:
        """Write a bundle that agrees with the checkpoint.

        :raises ExportError: it does not
        """
        manifest = self.written(precision, folder, span(progress, 0, 0.75))
        progress("verifying against the checkpoint", 0.75)
        policy = self._played(folder, manifest)
        reference = reference_of(policy)
        parity = verify(self.loaded, folder, precision, policy=policy)
        return write_manifest(manifest.model_copy(update={"parity": parity, "reference": reference}), folder)

    def _played(self, folder: Path, manifest: Manifest) -> EnginePolicy:
        """Return a policy that runs the graphs in ``folder``, always with the same backend.

        ONNX Runtime has no kernels for bf16 on CPUs; torch emulates them if OpenVINO is not installed.
        """
        if manifest.precision != "bf16":
            return open_policy(folder, backend="cpu")
        if RUNNERS["openvino"].lacking():
            return emulated(self.loaded.model, manifest, "bf16")
        return open_policy(folder, backend="openvino")

    def int8(self, folder: Path, calibration: Calibration, progress: Progress) -> Manifest:
        """Write an int8 bundle, with the gate's result. Its parity is that of the fp32 graphs it is compared with."""
        exact = folder / "exact"
        exact.mkdir()
        parity = self.verified("fp32", exact, span(progress, 0, 0.45)).parity
        manifest = self.written("int8", folder, span(progress, 0.45, 0.6)).model_copy(update={"parity": parity})
        layers = Rounding(
            self.loaded.model,
            lambda _graph, _name, product: Int8Product(product.weight, product.bias),
            calibration.observations[0],
        )
        with self._played(exact, manifest) as reference, self._played(folder, manifest) as candidate:
            result = self._gate(reference, candidate, calibration, layers, span(progress, 0.6, 1))
            given = reference_of(candidate)
        shutil.rmtree(exact)
        return write_manifest(manifest.model_copy(update={"gate": result, "reference": given}), folder)

    def fp8(self, folder: Path, calibration: Calibration, progress: Progress) -> Manifest:
        """Write a bundle of fp8 graphs, for TensorRT, with the gate's result, measured by torch's emulation.

        Its parity is that of the fp16 graphs before they are quantized: it shows that they were traced correctly.
        """
        manifest = self.verified("fp16", folder, span(progress, 0, 0.5))
        progress("quantizing", 0.5)
        ranges, held_out = calibration.split(RANGES)
        quantized = quantize(self.loaded.model, manifest, ranges.observations)
        layers = Rounding(
            self.loaded.model,
            lambda graph, name, _product: quantized.products.get(graph, {}).get(name),
            held_out.observations[0],
        )
        reference, candidate = emulated(self.loaded.model, manifest, "fp32"), emulated_fp8(quantized, manifest)
        result = self._gate(reference, candidate, held_out, layers, span(progress, 0.6, 1))
        graphs = dict(manifest.graphs)
        for name, products in quantized.products.items():
            graphs[name] = quantize_graph(folder / graphs[name].file, products)
        return write_manifest(
            manifest.model_copy(
                update={"precision": "fp8", "graphs": graphs, "gate": result, "reference": reference_of(candidate)}
            ),
            folder,
        )

    def _gate(
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
        """Turn the graphs in ``folder`` into engines, and verify them if this machine's GPU can run them.

        :raises ExportError: they cannot be built, or disagree with the checkpoint
        """
        graphs = dict(manifest.graphs)
        for number, name in enumerate(ENGINES):
            part = span(progress, number / len(ENGINES), (number + 1) / len(ENGINES))

            def report(share: float, name: str = name, part: Progress = part) -> None:
                part(f"building {name} with {toolkit.edition.module}", share)

            report(0)
            request = BuildRequest(graphs[name], folder, manifest.policy.context_frames, timings_file(toolkit))
            graphs[name] = build_engine(toolkit, request, report)
        manifest = manifest.model_copy(
            update={
                "target": toolkit.edition.target,
                "capabilities": toolkit.capabilities,
                "graphs": graphs,
                "tools": manifest.tools | {toolkit.edition.module: toolkit.version},
            }
        )
        return self._verified_on_this_gpu(toolkit, folder, write_manifest(manifest, folder))

    def _verified_on_this_gpu(self, toolkit: Toolkit, folder: Path, manifest: Manifest) -> Manifest:
        """Verify the engines if this machine's GPU can run them. Never run on a machine that has a GPU.

        :raises ExportError: they disagree with the checkpoint
        """
        if toolkit.here not in toolkit.capabilities or manifest.precision not in LIMITS:
            return manifest
        with open_policy(folder) as policy:
            given = reference_of(policy)
            parity = verify(self.loaded, folder, manifest.precision, policy=policy)
        return write_manifest(manifest.model_copy(update={"parity": parity, "reference": given}), folder)

    def _manifest(self, precision: Precision, graphs: dict[GraphName, Graph]) -> Manifest:
        loaded = self.loaded
        return Manifest(
            name=printable(self.name),  # JSON holds no name that is not UTF-8
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            precision=precision,
            checkpoint=Origin(
                file=printable(loaded.path.name),
                sha256=self.digest,
                parameters=loaded.parameters,
                tensors=loaded.tensors,
            ),
            policy=self.policy,
            config=loaded.raw_config,
            graphs=graphs,
            # until verified; the bundle stays in its temporary folder until then
            parity=Parity(context=0, actions=0, actions_limit=0, buttons_agree=0, chunks=0, steps=0),
            tools={tool: version(tool) for tool in TOOLS},
            notice=NVIDIA_NOTICE if self.digest == NITROGEN_SHA256 else "",
        )


def refuse_failed(manifest: Manifest, *, force: bool) -> None:
    """Refuse an engine that failed its gate, unless ``force``; one whose actions are not numbers in any case.

    :raises ExportError: the engine is refused
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


def write_manifest(manifest: Manifest, folder: Path) -> Manifest:
    """Write ``manifest`` into ``folder`` and return it."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return manifest
