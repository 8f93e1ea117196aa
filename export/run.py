"""The export stage, whole: load, write the graphs, verify, and only then put the bundle in its place."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from export.checkpoint import Checkpoint, load_checkpoint
from export.hub import NITROGEN_SHA256, fetch, is_repository
from export.paths import check_free
from export.to_onnx import DATA_LIMIT, write_graph
from export.verify import verify
from ngrt.bundle import MANIFEST, Graph, GraphName, Manifest, Parity, Precision, sha256_of
from ngrt.bundle import Checkpoint as Origin
from ngrt.errors import ExportError

Progress = Callable[[str, float], None]
"""Told of each stage: what it does, and the share of the whole that is done before it."""

TOOLS = ("ngrt", "torch", "onnx", "onnxscript")
GRAPHS: tuple[tuple[GraphName, float], ...] = (("schedule", 0.2), ("observe", 0.25), ("denoise", 0.6))
"""Each graph and the share of an export's time that lies before it, at the released size."""

NVIDIA_NOTICE = (
    "Made from NitroGen's weights, which are NVIDIA's and carry NVIDIA's non-commercial licence; so does this engine."
)


def _silent(stage: str, share: float) -> None:
    """Report to nobody."""


def export_checkpoint(
    checkpoint: str,
    out: Path,
    *,
    precision: Precision = "fp32",
    context_frames: int | None = None,
    progress: Progress = _silent,
    data_limit: int = DATA_LIMIT,
) -> Manifest:
    """Turn ``checkpoint``, a file or a hub repository, into a verified bundle at ``out``; return its manifest.

    Nothing is at ``out`` until all of it is right. ``data_limit``: bytes of weights above which a graph keeps them in
    a file of their own.

    :raises ngrt.errors.CheckpointError: the checkpoint cannot be had or used
    :raises ngrt.errors.ExportError: ``out`` exists or cannot be written, or the engine disagrees with the checkpoint
    """
    check_free(out)
    progress("fetching the checkpoint", 0.0)
    path = fetch(checkpoint) if is_repository(checkpoint) else Path(checkpoint)
    progress("checking the checkpoint", 0.05)
    loaded = load_checkpoint(path, context_frames)
    digest = sha256_of(path)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ExportError(f"cannot write beside {out}: {error.strerror}; choose another --out") from error
    try:
        graphs = {}
        for name, share in GRAPHS:
            progress(f"writing {name}", share)
            graphs[name] = write_graph(name, loaded.model, precision, folder, data_limit)
        manifest = _manifest(out.name, loaded, digest, precision, graphs, context_frames)
        _write(manifest, folder)
        progress("verifying against the checkpoint", 0.8)
        manifest = manifest.model_copy(update={"parity": verify(loaded, folder, precision)})
        _write(manifest, folder)
        folder.chmod(0o755)
        folder.rename(out)
    except OSError as error:
        raise ExportError(f"cannot write {out}: {error.strerror}; free space or choose another --out") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    progress("done", 1.0)
    return manifest


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
