"""Runs the three graphs by torch, in any precision: for formats for which ONNX Runtime has no CPU kernels.

It runs the modules that the graphs are traced from, not the files. Matrix products in bf16 accumulate in float32 and
round once, as on a GPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.graphs import Denoise, Observe, Schedule
from export.model import NitroGen
from export.products import Arithmetic
from ngrt.inference.engine import Feed, HostEngine, Shapes
from ngrt.inference.policy import EnginePolicy
from ngrt.policy.bundle import Backend, Graph, GraphName, Manifest, Precision
from ngrt.processor import processor

Modules = dict[GraphName, nn.Module]


def modules_of(model: NitroGen, precision: Precision) -> Modules:
    """Return the graphs of ``model`` as modules that compute in ``precision``."""
    how = Arithmetic.of(precision)
    return {"schedule": Schedule(model), "observe": Observe(model, how), "denoise": Denoise(model, how)}


def emulated(model: NitroGen, manifest: Manifest, precision: Precision) -> EnginePolicy:
    """Return a policy that runs the graphs of ``model`` in ``precision`` (fp32, fp16, bf16) by torch.

    ``manifest`` has the graphs' inputs and outputs. fp16 is very slow: torch has no fast kernels for it on a CPU.
    """
    return policy_of(modules_of(model, precision), manifest, precision)


def policy_of(modules: Modules, manifest: Manifest, precision: str) -> EnginePolicy:
    """Return a policy that runs ``modules``, which compute in ``precision``."""
    return EnginePolicy(Path(manifest.name), manifest, TorchEngine(modules, manifest.graphs, precision))


@dataclass(frozen=True, eq=False)
class TorchEngine(HostEngine):
    """Runs modules on the CPU. Keys and values are passed as float32, which holds bf16 and fp16 exactly."""

    modules: Modules
    graphs: Mapping[GraphName, Graph]
    precision: str

    @property
    def name(self) -> str:
        """What runs the graphs."""
        return f"torch, CPU, {self.precision}"

    @property
    def backend(self) -> Backend:
        """Where the modules run."""
        return "cpu"

    @property
    def place(self) -> str:
        """Torch's version, and the processor."""
        return f"torch {torch.__version__} in {self.precision}, {processor()}"

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return the shapes of the inputs and outputs of ``graph``, from the manifest."""
        taken, given = self.graphs[graph].inputs, self.graphs[graph].outputs
        return {tensor.name: tensor.shape for tensor in taken}, {tensor.name: tensor.shape for tensor in given}

    def run(self, graph: GraphName, feed: Feed) -> dict[str, Any]:
        """Return the outputs of ``graph`` by name."""
        # copied: torch warns of read-only arrays, such as broadcast noise
        given = [torch.tensor(feed[tensor.name]) for tensor in self.graphs[graph].inputs]
        with torch.inference_mode():
            found = self.modules[graph](*given)
        outputs = found if isinstance(found, tuple) else (found,)
        names = (tensor.name for tensor in self.graphs[graph].outputs)
        return {name: value.float().numpy() for name, value in zip(names, outputs, strict=True)}

    def close(self) -> None:
        """Free the modules."""
        self.modules.clear()
