"""The two editions of TensorRT, and whether the engines of a bundle can be run by what is installed here."""

import shlex
from collections import deque
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ngrt.errors import BundleError
from ngrt.inference.cuda.driver import Cuda
from ngrt.inference.failures import import_library
from ngrt.policy.bundle import Manifest, Target


@dataclass(frozen=True)
class Edition:
    """One edition: its module, the extra that installs it, its name, and whether it compiles kernels as it plays."""

    module: str
    extra: str
    title: str
    compiles: bool


EDITIONS: dict[Target, Edition] = {
    "tensorrt": Edition("tensorrt", "tensorrt", "TensorRT", compiles=False),
    "tensorrt-rtx": Edition("tensorrt_rtx", "tensorrt-rtx", "TensorRT for RTX", compiles=True),
}


OF_RTX = frozenset({"7.5", "8.0", "8.6", "8.9", "12.0", "12.1"})
"""Compute capabilities that TensorRT for RTX 1.7 builds for; data-centre GPUs such as 9.0 are for TensorRT."""


class Messages:
    """The last errors that the library told its logger; nothing is printed."""

    def __init__(self) -> None:
        self._kept: deque[str] = deque(maxlen=8)

    def keep(self, text: str) -> None:
        """Keep one."""
        self._kept.append(" ".join(text.split()))

    def take(self) -> str:
        """Return the first that was kept, and forget all: the later ones follow from it."""
        first = self._kept[0] if self._kept else "it gives no reason"
        self._kept.clear()
        return first


@dataclass(frozen=True)
class Toolkit:
    """An edition as it is installed here."""

    edition: Edition
    trt: Any
    logger: Any
    messages: Messages

    @property
    def version(self) -> str:
        """The module's."""
        return str(self.trt.__version__)

    @property
    def name(self) -> str:
        """Edition and version."""
        return f"{self.edition.title} {self.version}"


def load_toolkit(target: Target) -> Toolkit:
    """Return the edition that runs engines of ``target``.

    :raises MissingExtraError: it is not installed
    :raises BundleError: it is installed and cannot be loaded
    """
    edition = EDITIONS[target]
    trt = import_library(edition.module, edition.extra)
    return Toolkit(edition, trt, *logger_of(trt))


@cache
def logger_of(trt: Any) -> tuple[Any, Messages]:
    """Return a module's logger and what it keeps; one for all, for the library keeps to the first it is given."""
    messages = Messages()

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            if severity <= trt.ILogger.ERROR:
                messages.keep(text)

    return Logger(), messages


def check_fit(toolkit: Toolkit, cuda: Cuda, folder: Path, manifest: Manifest) -> None:
    """Check that the engines were built by what is installed here, for the GPU that is here.

    :raises BundleError: they were not; the message has the command that builds them again
    """
    module = toolkit.edition.module
    built = manifest.tools.get(module, "of a version that its manifest does not name")
    if built != toolkit.version:
        raise BundleError(
            f"{folder} was built by {module} {built}, and {toolkit.version} is installed, which cannot read it",
            remedy=rebuild(manifest, cuda.capability),
        )
    if cuda.capability not in manifest.capabilities:
        known = ", ".join(manifest.capabilities) or "none"
        raise BundleError(
            f"{folder} was built for compute capability {known}, and this {cuda.name} has {cuda.capability}",
            remedy=rebuild(manifest, cuda.capability),
        )


def rebuild(manifest: Manifest, capability: str) -> str:
    """Return the remedy: the command that builds a bundle's engines again, for a GPU of ``capability``.

    What the GPU or the edition has not is replaced by what it has: fp16 runs on all, TensorRT builds for all.
    """
    version = tuple(int(part) for part in capability.split("."))
    offered = manifest.target == "tensorrt" or capability in OF_RTX
    precise = manifest.precision == "fp16" or (manifest.precision == "fp8" and version >= (8, 9))
    able = precise or (manifest.precision != "fp8" and version >= (8, 0))
    frames = manifest.policy.context_frames
    words = ["ngrt", "export", manifest.checkpoint.file, "--target", manifest.target if offered else "tensorrt"]
    words += ["--compute-capability", capability.replace(".", "")]
    words += ["--precision", manifest.precision if able else "fp16"]
    words += ["--context-frames", str(frames)] if frames > 1 else []
    return f"build it again with: {shlex.join(words)} --out DIR"
