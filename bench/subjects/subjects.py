"""What is measured: bundles, and what is to run each; which backends are not, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from ngrt.errors import CheckpointError, install
from ngrt.inference.runners import RUNNERS
from ngrt.policy.bundle import AskedBackend, Backend, Manifest, read_manifest, sha256_of


@dataclass(frozen=True, slots=True)
class Subject:
    """A bundle, and the backend that is to run it."""

    folder: Path
    backend: AskedBackend = "auto"

    @classmethod
    def of(cls, engine: "AnySubject") -> "Subject":
        """Return ``engine``, on whatever suits this machine where nothing was said."""
        return engine if isinstance(engine, Subject) else cls(engine)


AnySubject = Path | Subject
"""A bundle alone runs on whatever suits this machine."""


def subjects_of(
    folders: Iterable[Path], backends: Iterable[AskedBackend]
) -> tuple[tuple[Subject, ...], dict[str, str]]:
    """Return every bundle on every backend that takes it, and why it is not measured on the others.

    :raises ngrt.errors.BundleError: there is no bundle
    """
    backends = tuple(dict.fromkeys(backends)) or ("auto",)
    found: list[Subject] = []
    left: dict[str, str] = {}
    for folder in folders:
        manifest = read_manifest(folder)
        for backend in backends:
            if backend != "auto" and (reason := _why_not(manifest, backend)):
                left[f"{manifest.name} on {backend}"] = reason
            else:
                found.append(Subject(folder, backend))
    return tuple(found), left


def _why_not(manifest: Manifest, backend: Backend) -> str:
    if not RUNNERS[backend].takes(manifest):
        return f"it is {manifest.precision} for {manifest.target}"
    return RUNNERS[backend].lacking()


def check_origin(engine: Path, checkpoint: Path) -> None:
    """Check that ``engine`` was made from ``checkpoint``.

    :raises CheckpointError: it was not, or that does not exist
    """
    if not checkpoint.is_file():
        raise CheckpointError(f"no checkpoint at {checkpoint}", remedy=f"give the file that {engine} was made from")
    stated, actual = read_manifest(engine).checkpoint.sha256, sha256_of(checkpoint)
    if stated != actual:
        raise CheckpointError(
            f"{checkpoint} has SHA-256 {actual[:12]}…",
            remedy=f"{engine} was made from {stated[:12]}…: give that checkpoint",
        )


RUNS_ELSEWHERE = "here, but no engine that was given ran on it; name one with --engine, or the backend with --backend"


def unused_backends(results: Iterable[object]) -> dict[str, str]:
    """Return why each backend that none of ``results`` speaks of was not measured, by a name for people."""
    used = {backend for result in results for backend in _mentioned(result)}
    backends: tuple[Backend, ...] = get_args(Backend)
    return {f"backend {backend}": _why_unused(backend) for backend in backends if backend not in used}


def _mentioned(result: object) -> Iterator[str]:
    parts: list[Any] = [*getattr(result, "engines", ()), *getattr(result, "cells", ())]
    return (part.backend for part in parts)


def _why_unused(backend: Backend) -> str:
    if backend == "openvino" and find_spec("openvino") is None:
        return f"openvino is not installed: {install('openvino')}"
    if backend in {"cuda", "tensorrt"} and (reason := RUNNERS[backend].lacking()):
        return reason
    if backend == "tensorrt" and not any(map(find_spec, ("tensorrt", "tensorrt_rtx"))):
        return f"neither tensorrt nor tensorrt-rtx is installed: {install('tensorrt')}, or {install('tensorrt-rtx')}"
    return RUNS_ELSEWHERE
