"""The export stage, whole: load, write the graphs, verify, and only then put the bundle in its place.

Graphs are verified against the checkpoint. A lossy engine is held, by the gate, to fp32 graphs that were.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from export.blame import Rounding
from export.calibration import Calibration
from export.checkpoint import Checkpoint, load_checkpoint
from export.gate import BUTTONS_LEAST, STICK_LIMIT, gate
from export.hub import NITROGEN_SHA256, fetch, is_repository
from export.paths import check_free
from export.to_onnx import DATA_LIMIT, write_graph
from export.verify import verify
from ngrt.backends.opening import open_policy
from ngrt.bundle import MANIFEST, Graph, GraphName, Manifest, Parity, PolicySpec, Precision, sha256_of
from ngrt.bundle import Checkpoint as Origin
from ngrt.errors import ExportError

Progress = Callable[[str, float], None]
"""Told of each stage: what it does, and the share of the whole that is done before it."""

TOOLS = ("ngrt", "torch", "onnx", "onnxscript")
GRAPHS: tuple[tuple[GraphName, float], ...] = (("schedule", 0.0), ("observe", 0.1), ("denoise", 0.6))
"""Each graph and the share of the time of writing all that lies before it, at the released size."""

LOSSY: dict[Precision, str] = {"int8": "fp32"}
"""Precisions that must pass the gate, and what to try instead."""

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
    frames: Sequence[Path] = (),
    force: bool = False,
    progress: Progress = _silent,
    data_limit: int = DATA_LIMIT,
) -> Manifest:
    """Turn ``checkpoint``, a file or a hub repository, into a verified bundle at ``out``; return its manifest.

    Nothing is at ``out`` until all of it is right. ``frames``: images and videos that a lossy engine is held to,
    pictures that are made up if none; ``force``: write it even if it fails, which its manifest then says;
    ``data_limit``: bytes of weights above which a graph keeps them in a file of their own.

    :raises ngrt.errors.CheckpointError: the checkpoint cannot be had or used
    :raises ngrt.errors.SourceError: the frames cannot be read
    :raises ngrt.errors.ExportError: ``out`` exists or cannot be written, or the engine disagrees with the checkpoint
    """
    check_free(out)
    progress("fetching the checkpoint", 0.0)
    path = fetch(checkpoint) if is_repository(checkpoint) else Path(checkpoint)
    progress("checking the checkpoint", 0.05)
    loaded = load_checkpoint(path, context_frames)
    build = _Build(loaded, sha256_of(path), loaded.config.policy(loaded.games, context_frames), data_limit, progress)
    calibration = _calibration(frames, build.policy.context_frames) if precision in LOSSY else None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ExportError(f"cannot write beside {out}: {error.strerror}; choose another --out") from error
    try:
        if calibration is None:
            manifest = build.verified(out.name, precision, folder, 0.2, 1.0)
        else:
            manifest = build.gated(out.name, precision, folder, calibration, force)
        folder.chmod(0o755)
        folder.rename(out)
    except OSError as error:
        raise ExportError(f"cannot write {out}: {error.strerror}; free space or choose another --out") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    progress("done", 1.0)
    return manifest


def _calibration(frames: Sequence[Path], context: int) -> Calibration:
    return Calibration.of_files(frames, context) if frames else Calibration.generated(context)


@dataclass(frozen=True, slots=True)
class _Build:
    """Makes bundles of one checkpoint."""

    loaded: Checkpoint
    digest: str
    policy: PolicySpec
    data_limit: int
    progress: Progress

    def verified(self, name: str, precision: Precision, folder: Path, start: float, end: float) -> Manifest:
        """Write a bundle into ``folder`` that agrees with the checkpoint; ``start`` and ``end``: shares of the work."""
        manifest = self.written(name, precision, folder, start, start + 0.75 * (end - start))
        self.progress("verifying against the checkpoint", start + 0.75 * (end - start))
        return _kept(manifest.model_copy(update={"parity": verify(self.loaded, folder, precision)}), folder)

    def gated(self, name: str, precision: Precision, folder: Path, calibration: Calibration, force: bool) -> Manifest:
        """Write a bundle into ``folder`` that passes the gate, or, by ``force``, says that it does not."""
        exact = folder / "exact"
        exact.mkdir()
        parity = self.verified(name, "fp32", exact, 0.1, 0.5).parity
        manifest = self.written(name, precision, folder, 0.5, 0.65).model_copy(update={"parity": parity})
        layers = Rounding(self.loaded.model, precision, calibration.observations[0])
        with closing(open_policy(exact)) as reference, closing(open_policy(folder)) as candidate:
            result = gate(reference, candidate, calibration, layers.worst, self._report(precision))
        shutil.rmtree(exact)
        if result.failure and not force:
            raise ExportError(
                f"the {precision} engine is too far from the fp32 graphs: {result.failure}; limits are "
                f"{BUTTONS_LEAST:.0%} and {STICK_LIMIT}; nothing was written; try --precision {LOSSY[precision]}, or "
                "--force to write it all the same"
            )
        return _kept(manifest.model_copy(update={"gate": result}), folder)

    def written(self, name: str, precision: Precision, folder: Path, start: float, end: float) -> Manifest:
        """Write the graphs and a manifest that does not know their parity yet."""
        graphs = {}
        for graph, share in GRAPHS:
            self.progress(f"writing {graph} in {precision}", start + share * (end - start))
            graphs[graph] = write_graph(graph, self.loaded.model, precision, folder, self.data_limit)
        return _kept(self._manifest(name, precision, graphs), folder)

    def _report(self, precision: Precision) -> Callable[[float], None]:
        return lambda share: self.progress(f"comparing {precision} with fp32", 0.65 + 0.35 * share)

    def _manifest(self, name: str, precision: Precision, graphs: dict[GraphName, Graph]) -> Manifest:
        loaded = self.loaded
        return Manifest(
            name=name,
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


def _kept(manifest: Manifest, folder: Path) -> Manifest:
    """Write ``manifest`` into ``folder`` and return it."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return manifest
