"""The whole export: load, build, verify, and only then move the bundle into its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from export.build import INSTEAD, Progress, Source, refuse_failed, span
from export.calibration import Calibration
from export.checkpoint import checkpoint_file, load_checkpoint
from export.hub import fetch, is_repository
from export.paths import check_free, whole_folder
from export.to_onnx import DATA_LIMIT
from export.toolkit import DEFAULT_PRECISION, open_toolkit
from ngrt.errors import SettingsError
from ngrt.policy.bundle import Manifest, Precision, Target, sha256_of
from ngrt.processor import usable_cores

BUILD_FROM = 0.85
"""The share of an export's time before engines are built, if any are."""


@dataclass(frozen=True, slots=True)
class Gating:
    """How a lossy engine is checked: on ``frames`` (images and videos), or on synthetic frames if none are given.

    ``force``: write it even if it fails; its manifest then says so.
    """

    frames: Sequence[Path] = ()
    force: bool = False

    def check(self, precision: Precision) -> None:
        """Check, before any work, that these options fit ``precision``.

        :raises SettingsError: they do not, or a file does not exist
        """
        if precision not in INSTEAD and (self.frames or self.force):
            raise SettingsError(
                f"--frames and --force are for lossy engines, and {precision} is not one",
                remedy=f"leave them out, or choose --precision {' or '.join(INSTEAD)}",
            )
        if missing := [path for path in self.frames if not path.is_file()]:
            raise SettingsError(f"--frames {missing[0]} is not a file", remedy="name images and videos")

    def calibration(self, context: int) -> Calibration:
        """Return the observations, of ``context`` frames each.

        :raises ngrt.errors.SourceError: the frames cannot be read
        """
        return Calibration.of_files(self.frames, context) if self.frames else Calibration.generated(context)


DEFAULT_GATING = Gating()


def _silent(stage: str, share: float) -> None:
    """Report to nobody."""


def export_checkpoint(  # noqa: PLR0913  (one argument for each option)
    checkpoint: str,
    out: Path,
    *,
    precision: Precision | None = None,
    target: Target = "onnx",
    capabilities: Sequence[str] = (),
    context_frames: int | None = None,
    revision: str | None = None,
    gating: Gating = DEFAULT_GATING,
    progress: Progress = _silent,
    data_limit: int = DATA_LIMIT,
) -> Manifest:
    """Turn ``checkpoint``, a file or a hub repository, into a verified bundle at ``out``; return its manifest.

    Nothing is at ``out`` until all of it is right. ``precision``: the target's default if None; ``capabilities``:
    compute capabilities to build for, such as ``8.9``, this machine's if none; ``revision``: of a repository;
    ``gating``: for a lossy precision; ``data_limit``: bytes of weights above which a graph keeps them in a file of
    their own.

    :raises ngrt.errors.CheckpointError: the checkpoint cannot be fetched or used
    :raises ngrt.errors.SourceError: the frames cannot be read
    :raises ngrt.errors.SettingsError: target, precision and capabilities do not go together
    :raises ngrt.errors.MissingExtraError: what builds engines of ``target`` is not installed
    :raises ngrt.errors.ExportError: ``out`` exists or cannot be written, the engine cannot be built, or it disagrees
        with the checkpoint
    """
    check_free(out)
    _keep_to_cores()
    if revision is not None and not is_repository(checkpoint):
        raise SettingsError(
            f"--revision is {revision}, and {checkpoint} is a file or folder here", remedy="leave it out"
        )
    precision = precision or DEFAULT_PRECISION[target]
    gating.check(precision)
    toolkit = open_toolkit(target, precision, capabilities)
    progress("fetching the checkpoint", 0.0)
    path = fetch(checkpoint, revision) if is_repository(checkpoint) else checkpoint_file(Path(checkpoint))
    progress("checking the checkpoint", 0.05)
    loaded = load_checkpoint(path, context_frames)
    policy = loaded.config.policy(loaded.games, context_frames)
    source = Source(out.name, loaded, sha256_of(path), policy, data_limit)
    calibration = gating.calibration(policy.context_frames) if precision in INSTEAD else None
    with whole_folder(out) as folder:
        part = span(progress, 0.1, 1 if toolkit is None else BUILD_FROM)
        manifest = _write_graphs(source, precision, folder, calibration, part)
        refuse_failed(manifest, force=gating.force)
        if toolkit is not None:
            manifest = source.engines(toolkit, folder, manifest, span(progress, BUILD_FROM, 1))
    progress("done", 1.0)
    return manifest


def _keep_to_cores() -> None:
    """Give torch no more threads than this process may use cores: it counts those of the machine."""
    if torch.get_num_threads() > (cores := usable_cores()):
        torch.set_num_threads(cores)


def _write_graphs(
    source: Source, precision: Precision, folder: Path, calibration: Calibration | None, progress: Progress
) -> Manifest:
    if calibration is None:
        return source.verified(precision, folder, progress)
    return (source.int8 if precision == "int8" else source.fp8)(folder, calibration, progress)
