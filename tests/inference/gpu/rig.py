"""Bundles of engines that are ONNX graphs, and a machine that seems to have a GPU to run them."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import tensorrt_rtx

from ngrt.inference.policy import EnginePolicy
from ngrt.inference.tensorrt.engine import TensorRtEngine
from ngrt.policy.bundle import MANIFEST, GraphName, Manifest, Target, read_manifest

from .runtime import StandInRuntime
from .trt import StandInTensorRt

VERSION = str(tensorrt_rtx.__version__)


def engines_of(
    bundle: Path, out: Path, target: Target = "tensorrt-rtx", version: str = VERSION, capability: str = "8.9"
) -> Path:
    """Copy an ONNX bundle to ``out`` as one of engines that the stand-in runs."""
    shutil.copytree(bundle, out)
    manifest = read_manifest(out)
    graphs = dict(manifest.graphs)
    names: tuple[GraphName, ...] = ("observe", "denoise")
    for name in names:
        (out / f"{name}.onnx").rename(out / f"{name}.engine")
        graphs[name] = graphs[name].model_copy(update={"file": f"{name}.engine"})
    module = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}[target]
    changes = {
        "target": target,
        "graphs": graphs,
        "tools": manifest.tools | {module: version},
        "capabilities": (capability,),
    }
    rewrite(out, manifest.model_copy(update=changes))
    return out


def rewrite(folder: Path, manifest: Manifest) -> None:
    """Write a bundle's manifest."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(), "utf-8")


@dataclass
class Machine:
    """What seems to be installed."""

    driver: StandInRuntime
    trt: StandInTensorRt

    def open(self, folder: Path, *, timed: bool = False) -> tuple[EnginePolicy, TensorRtEngine]:
        """Return the policy of a bundle of engines, and its engine."""
        manifest = read_manifest(folder)
        engine = TensorRtEngine(folder, manifest, timed=timed)
        return EnginePolicy(folder, manifest, engine, 0), engine


def pretend(monkeypatch: pytest.MonkeyPatch, cache: Path, target: Target = "tensorrt-rtx", frames: int = 2) -> Machine:
    """Make the process believe that there is a GPU and the edition for ``target``; ``cache`` is its user's."""
    driver = StandInRuntime()
    compiles = target == "tensorrt-rtx"
    machine = Machine(driver, StandInTensorRt(driver, frames, compiles=compiles, version=VERSION))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("LOCALAPPDATA", str(cache))
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", driver)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx" if compiles else "tensorrt", machine.trt)
    return machine
