"""Graphs that a test had traced are copied, not traced again: torch takes seconds for each, and many tests need them.

They are kept in pytest's cache, under a key of all that decides them: the export stage's sources, the versions of what
traces, the graph's name and precision, and the model. A test of the tracing itself calls `export.to_onnx.write_graph`.
"""

import hashlib
import shutil
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from export.model import NitroGen
    from ngrt.policy.bundle import Graph, GraphName, Precision

TRACES = "torch", "onnx", "onnx-ir", "onnxscript", "numpy"
MOST_PARAMETERS = 5_000_000
"""A larger model's graphs are not kept: they would fill the disk, and the model takes long to hash."""

Write = Callable[["GraphName", "NitroGen", "Precision", Path, int], "Graph"]


class TracedOnce:
    """A plugin: puts `remembering` in the place of what writes a graph, as soon as the export stage is imported."""

    NAME = "traced-once"

    def __init__(self, cache: pytest.Cache) -> None:
        self._cache = cache
        self._patch: pytest.MonkeyPatch | None = None

    def pytest_runtest_setup(self) -> None:
        """Before each test: those after an import of the export stage find what remembers."""
        if "export.build" in sys.modules:
            self.start()

    def start(self) -> None:
        """Remember what is traced from here on; import the export stage if need be."""
        if self._patch is None:
            from export.to_onnx import write_graph

            self._patch = pytest.MonkeyPatch()
            self._patch.setattr("export.build.write_graph", remembering(write_graph, kept_in(self._cache)))


def kept_in(cache: pytest.Cache) -> Path:
    """Return the folder for graphs of these sources and versions; those of others are removed."""
    import export
    from ngrt.policy import bundle

    digest = hashlib.sha256()
    sources = *sorted(Path(export.__path__[0]).glob("*.py")), Path(bundle.__file__)
    for path in sources:
        digest.update(path.read_bytes())
    digest.update(repr([(name, version(name)) for name in TRACES]).encode())
    folder = cache.mkdir("graphs") / digest.hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def remembering(write: Write, folder: Path) -> Write:
    """Return ``write``, which copies from ``folder`` what it wrote before."""

    def remember(name: "GraphName", model: "NitroGen", precision: "Precision", out: Path, data_limit: int) -> "Graph":
        if sum(value.numel() for value in model.parameters()) > MOST_PARAMETERS:
            return write(name, model, precision, out, data_limit)
        kept = folder / f"{name}-{precision}-{data_limit}-{_digest(model)}"
        with FileLock(f"{kept}.lock"):  # another worker may trace the same
            if not kept.exists():
                made = kept.with_suffix(".part")
                shutil.rmtree(made, ignore_errors=True)
                made.mkdir()
                write(name, model, precision, made, data_limit)
                made.rename(kept)
        shutil.copytree(kept, out, dirs_exist_ok=True)
        return _entry(out / f"{name}.onnx")

    return remember


def _entry(path: Path) -> "Graph":
    from export.to_onnx import manifest_entry

    return manifest_entry(path)


def _digest(model: "NitroGen") -> str:
    digest = hashlib.sha256(repr(model.config).encode())
    digest.update(_processor().encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


@cache
def _processor() -> str:
    """Constants are folded by torch's kernels, which are other ones on other processors."""
    import torch

    return torch.backends.cpu.get_cpu_capability()
