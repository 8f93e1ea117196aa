"""The export stage, whole: load, write the graphs, verify, and only then put the bundle in its place."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from export.checkpoint import Checkpoint, load_checkpoint
from export.emulate import emulated
from export.fp8 import emulated_fp8, quantize, quantize_graph
from export.hub import NITROGEN_SHA256, fetch, is_repository
from export.paths import check_free
from export.to_onnx import DATA_LIMIT, write_graph
from export.to_tensorrt import ENGINES, Order, build_engine, timings_file
from export.toolkit import DEFAULT_PRECISION, Toolkit, open_toolkit
from export.verify import LIMITS, generated_contexts, verify
from ngrt.backends.policy import EnginePolicy
from ngrt.bundle import MANIFEST, Gate, Graph, GraphName, Manifest, Parity, Precision, Target, sha256_of
from ngrt.bundle import Checkpoint as Origin
from ngrt.errors import ExportError

Progress = Callable[[str, float], None]
"""Told of each stage: what it does, and the share of the whole that is done before it."""

TOOLS = ("ngrt", "torch", "onnx", "onnxscript")
GRAPHS: tuple[tuple[GraphName, float], ...] = (("schedule", 0.2), ("observe", 0.25), ("denoise", 0.6))
"""Each graph and the share of an export's time that lies before it, at the released size."""

BUILD_FROM = 0.85
"""The share of an export's time that lies before the building of engines, where there is any."""

WRITTEN: dict[Precision, Precision] = {"fp8": "fp16"}
"""The precision that graphs are written and verified in before they are quantized."""

CALIBRATION_CONTEXTS = 8

NVIDIA_NOTICE = (
    "Made from NitroGen's weights, which are NVIDIA's and carry NVIDIA's non-commercial licence; so does this engine."
)


def _silent(stage: str, share: float) -> None:
    """Report to nobody."""


def export_checkpoint(
    checkpoint: str,
    out: Path,
    *,
    precision: Precision | None = None,
    target: Target = "onnx",
    capabilities: Sequence[str] = (),
    context_frames: int | None = None,
    progress: Progress = _silent,
    data_limit: int = DATA_LIMIT,
) -> Manifest:
    """Turn ``checkpoint``, a file or a hub repository, into a verified bundle at ``out``; return its manifest.

    Nothing is at ``out`` until all of it is right. ``precision``: the target's usual one if None; ``capabilities``:
    compute capabilities to build for, such as ``8.9``, this machine's if none; ``data_limit``: bytes of weights above
    which a graph keeps them in a file of their own.

    :raises ngrt.errors.CheckpointError: the checkpoint cannot be had or used
    :raises ngrt.errors.SettingsError: target, precision and capabilities do not go together
    :raises ngrt.errors.MissingExtraError: what builds engines of ``target`` is not installed
    :raises ngrt.errors.ExportError: ``out`` exists or cannot be written, the engine cannot be built, or it disagrees
        with the checkpoint
    """
    check_free(out)
    precision = precision or DEFAULT_PRECISION[target]
    toolkit = open_toolkit(target, precision, capabilities)
    told = progress if toolkit is None else _until(BUILD_FROM, progress)
    told("fetching the checkpoint", 0.0)
    path = fetch(checkpoint) if is_repository(checkpoint) else Path(checkpoint)
    told("checking the checkpoint", 0.05)
    loaded = load_checkpoint(path, context_frames)
    digest = sha256_of(path)
    written = WRITTEN.get(precision, precision)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ExportError(f"cannot write beside {out}: {error.strerror}; choose another --out") from error
    try:
        graphs = {}
        for name, share in GRAPHS:
            told(f"writing {name}", share)
            graphs[name] = write_graph(name, loaded.model, written, folder, data_limit)
        manifest = _manifest(out.name, loaded, digest, written, graphs, context_frames)
        _write(manifest, folder)
        told("verifying against the checkpoint", 0.8)
        manifest = manifest.model_copy(update={"parity": _verified(loaded, folder, manifest)})
        if precision == "fp8":
            told("quantizing", 0.9)
            manifest = _quantized(loaded, folder, manifest)
        if toolkit is not None:
            manifest = _built(toolkit, loaded, folder, manifest, progress)
        _write(manifest, folder)
        folder.chmod(0o755)
        folder.rename(out)
    except OSError as error:
        raise ExportError(f"cannot write {out}: {error.strerror}; free space or choose another --out") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    progress("done", 1.0)
    return manifest


def _until(share: float, progress: Progress) -> Progress:
    """Return a progress whose end is ``share`` of the whole."""
    return lambda stage, done: progress(stage, done * share)


def _verified(loaded: Checkpoint, folder: Path, manifest: Manifest) -> Parity:
    """Return how far the graphs are from the checkpoint; bf16, which ONNX Runtime has not on CPUs, run by torch.

    :raises ExportError: farther than their precision explains
    """
    stand_in = emulated(loaded.model, manifest, "bf16") if manifest.precision == "bf16" else None
    return verify(loaded, folder, manifest.precision, policy=stand_in)


def _quantized(loaded: Checkpoint, folder: Path, manifest: Manifest) -> Manifest:
    """Turn the fp16 graphs in ``folder`` into fp8 ones; return their manifest, with the verdict on them.

    The parity stays that of the fp16 graphs: it says that they were traced right.

    :raises ExportError: the verdict is that they are too far from the checkpoint
    """
    frames = generated_contexts(manifest.policy.context_frames, CALIBRATION_CONTEXTS)
    quantized = quantize(loaded.model, manifest, frames)
    verdict = _judge(emulated(loaded.model, manifest, "fp32"), emulated_fp8(quantized, manifest))
    graphs = dict(manifest.graphs)
    for name, products in quantized.products.items():
        graphs[name] = quantize_graph(folder / graphs[name].file, products)
    return manifest.model_copy(update={"precision": "fp8", "graphs": graphs, "gate": verdict})


def _judge(reference: EnginePolicy, candidate: EnginePolicy) -> Gate | None:
    """Return the verdict on a lossy engine. The seam where the gate joins; until then nothing is judged."""
    return None


def _built(toolkit: Toolkit, loaded: Checkpoint, folder: Path, manifest: Manifest, progress: Progress) -> Manifest:
    """Turn the verified graphs in ``folder`` into engines; return their manifest.

    :raises ExportError: they cannot be built or, where this machine's GPU can run them, are not what they were built of
    """
    graphs = dict(manifest.graphs)
    part = (1 - BUILD_FROM) / len(ENGINES)
    for number, name in enumerate(ENGINES):
        start = BUILD_FROM + number * part

        def report(share: float, name: str = name, start: float = start) -> None:
            progress(f"building {name} with {toolkit.edition.module}", start + share * part)

        report(0)
        order = Order(graphs[name], folder, manifest.policy.context_frames, timings_file(toolkit))
        graphs[name] = build_engine(toolkit, order, report)
    tools = manifest.tools | {toolkit.edition.module: toolkit.version}
    manifest = manifest.model_copy(
        update={
            "target": toolkit.edition.target,
            "capabilities": toolkit.capabilities,
            "graphs": graphs,
            "tools": tools,
        }
    )
    return _verified_on_this_gpu(toolkit, loaded, folder, manifest)


def _verified_on_this_gpu(toolkit: Toolkit, loaded: Checkpoint, folder: Path, manifest: Manifest) -> Manifest:
    """Return the manifest with the parity of the engines themselves, where this machine's GPU can run them.

    Never run on a machine that has one.

    :raises ExportError: they are farther from the checkpoint than their precision explains
    """
    if toolkit.here not in toolkit.capabilities or manifest.precision not in LIMITS:
        return manifest
    _write(manifest, folder)
    return manifest.model_copy(update={"parity": verify(loaded, folder, manifest.precision)})


def _write(manifest: Manifest, folder: Path) -> None:
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")


def _manifest(
    name: str,
    loaded: Checkpoint,
    digest: str,
    precision: Precision,
    graphs: dict[GraphName, Graph],
    context_frames: int | None,
) -> Manifest:
    unknown = Parity(context=0, actions=0, actions_limit=0, buttons_agree=0, chunks=0, steps=0)
    return Manifest(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        precision=precision,
        checkpoint=Origin(file=loaded.path.name, sha256=digest, parameters=loaded.parameters, tensors=loaded.tensors),
        policy=loaded.config.policy(loaded.games, context_frames),
        config=loaded.raw_config,
        graphs=graphs,
        parity=unknown,  # until verified; the bundle is not in its place before
        tools={tool: version(tool) for tool in TOOLS},
        notice=NVIDIA_NOTICE if digest == NITROGEN_SHA256 else "",
    )
