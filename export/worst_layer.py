"""Finds the layer of a lossy graph that rounds worst: each layer alone, on its inputs in the float32 model."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from export.graphs import Denoise, Observe, Schedule
from export.model import NitroGen
from export.products import Arithmetic, NarrowProduct, Product
from ngrt.messages import Image
from ngrt.policy.bundle import GraphName
from ngrt.policy.preprocess import observation

SEED = 20_260_103
Lossy = Callable[[GraphName, str, Product], nn.Module | None]
"""Returns the module that replaces a graph's product of that name, None if the product stays as it is."""

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


class Rounding:
    """Finds the worst layers of ``model`` on ``frames``, oldest first, if ``lossy`` replaces its products."""

    def __init__(self, model: NitroGen, lossy: Lossy, frames: tuple[Image, ...]) -> None:
        self._model, self._lossy = model, lossy
        self._frames = torch.from_numpy(observation(frames, model.config.tower.image_size))

    def worst(self, graph: GraphName) -> str:
        """Return the name of the worst product of ``graph``, and the relative error of its output."""
        errors = self.errors(graph)
        if not errors:
            return "none of it, which is not quantized"
        name = max(errors, key=lambda layer: errors[layer])
        return f"{name} (rounding moves its output by {errors[name]:.1%})"

    @torch.inference_mode()
    def errors(self, graph: GraphName) -> dict[str, float]:
        """Return the relative error of each quantized product of ``graph``, by name."""
        exact = Arithmetic.of("fp32")
        observe = Observe(self._model, exact)
        errors: dict[str, float] = {}
        if graph == "observe":
            self._watch("observe", observe, errors)
        _, *keys_values = observe(self._frames)
        if graph == "denoise":
            denoise = Denoise(self._model, exact)
            self._watch("denoise", denoise, errors)
            self._step(denoise, keys_values)
        return errors

    def _step(self, denoise: Denoise, keys_values: list[Tensor]) -> None:
        config = self._model.config.model
        x = torch.randn(1, config.action_horizon, config.action_dim, generator=torch.Generator().manual_seed(SEED))
        (modulation,) = Schedule(self._model)(torch.tensor([config.num_timestep_buckets / 2]))
        one = torch.ones(())
        denoise(x, modulation, one, one, torch.eye(1), x, torch.zeros_like(x[..., :1]), one, *keys_values)

    def _watch(self, graph: GraphName, module: nn.Module, errors: dict[str, float]) -> None:
        for name, part in module.named_modules():
            if not isinstance(part, Product) or isinstance(part, NarrowProduct):
                continue
            if (lossy := self._lossy(graph, name, part)) is not None:
                part.register_forward_hook(_compare(name, lossy, errors))


def _compare(name: str, lossy: nn.Module, errors: dict[str, float]) -> Hook:
    def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        error = (lossy(*inputs) - output).norm() / output.norm()
        errors[name] = max(errors.get(name, 0.0), float(error.nan_to_num(nan=float("inf"))))

    return hook
