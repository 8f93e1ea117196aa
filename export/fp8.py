"""FP8 graphs for TensorRT: large matrix products take e4m3 numbers, everything else stays as in fp16.

Explicit quantization: weights are stored as fp8 with a scale for each output column; their inputs are quantized with
one scale, from the largest value on the calibration frames. Attention's own products, the first and last maps of each
graph and all sums stay fp16 or float32: they are small, and the most sensitive.

The same arithmetic runs in torch (`emulated_fp8`), so that a machine without a GPU can check it: fp8 factors, sums in
float32, results rounded to fp16. Engines themselves were built and never run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from export.emulate import Modules, modules_of, policy_of
from export.graphs import CrossAttention, Observe, SelfAttention
from export.model import NitroGen
from export.modules import Module
from export.products import Product
from export.to_onnx import manifest_entry
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Image
from ngrt.policy.bundle import Graph, GraphName, Manifest

LARGEST = 448.0
"""The largest e4m3 number."""

LEAST_SCALE = 2.0**-14
"""The smallest normal fp16 number: scales are fp16, as the products are."""

EVERY_PART = ("tower", "mixer", "keys", "values", "blocks")
"""The parts of the graphs' modules that have large products."""

DENOISE = ("blocks",)
"""The default: the denoiser's blocks alone. Their weights are read at every step, which takes most of a chunk's time.
At the released size with random weights, over two chunks, sticks are then off by 0.012 to 0.015 on average and 99.2% to
99.7% of buttons agree; with every part over three, 0.032 to 0.050 and 97.9% to 98.9%; the tower alone, 0.025 to 0.032.
"""

GRAPHS: tuple[GraphName, ...] = ("observe", "denoise")
SEED = 20_260_102


def scale_of(largest: Tensor) -> Tensor:
    """Return the scales that map values up to ``largest`` to the whole range of e4m3, rounded to fp16."""
    return (largest / LARGEST).clamp(min=LEAST_SCALE).half().float()


def rounded(values: Tensor, scale: Tensor) -> Tensor:
    """Return ``values / scale`` as the nearest e4m3 numbers, float8; values beyond the range become the largest."""
    return (values / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)


class HalfProduct(Module):
    """A `Product` in fp16, computed in float32 from rounded numbers: torch's own fp16 products take seconds each."""

    def __init__(self, product: Product) -> None:
        super().__init__()
        self.weight = nn.Parameter(product.weight.half().float(), requires_grad=False)
        self.bias = None if product.bias is None else product.bias.half()

    def forward(self, x: Tensor) -> Tensor:
        return product_of(x.half().float() @ self.weight, self.bias)


class Fp8Product(Module):
    """A `Product` of fp8 numbers: ``weight`` (in, out) with its ``scales`` (out,), ``scale`` () of the input."""

    def __init__(self, product: Product, largest: float) -> None:
        super().__init__()
        weight = product.weight.float()
        self.scale = scale_of(torch.tensor(largest))
        self.scales = scale_of(weight.abs().amax(0))
        self.stored = rounded(weight, self.scales)
        self.weight = nn.Parameter(self.stored.float(), requires_grad=False)
        self.bias = None if product.bias is None else product.bias.half()

    def forward(self, x: Tensor) -> Tensor:
        sums = rounded(x.half().float(), self.scale).float() @ self.weight
        return product_of(sums * (self.scale * self.scales), self.bias)


def product_of(sums: Tensor, bias: Tensor | None) -> Tensor:
    """Return the product from its sums: rounded to fp16, the bias added, as float32."""
    y = sums.half()
    return (y if bias is None else y + bias).float()


@dataclass(frozen=True, eq=False)
class Quantized:
    """A model's graphs in fp8, as modules, and the fp8 products of each by name."""

    modules: Modules
    products: Mapping[GraphName, Mapping[str, Fp8Product]]


def quantize(
    model: NitroGen, manifest: Manifest, frames: Sequence[tuple[Image, ...]], parts: Sequence[str] = DENOISE
) -> Quantized:
    """Return ``model`` with the large products of ``parts`` in fp8 and the others in fp16.

    ``frames``: contexts to calibrate on, each from one to all frames long, oldest first.
    """
    modules = modules_of(model, "fp32")
    largest = _calibrated(modules, manifest, frames, parts)
    products: dict[GraphName, dict[str, Fp8Product]] = {}
    for graph in GRAPHS:
        for name, product in _products(modules[graph]).items():
            if name not in largest[graph]:
                _replace(modules[graph], name, HalfProduct(product))
                continue
            fp8 = Fp8Product(product, largest[graph][name])
            products.setdefault(graph, {})[name] = fp8
            _replace(modules[graph], name, fp8)
        for part in modules[graph].modules():
            if isinstance(part, SelfAttention | CrossAttention | Observe):
                part.dtype = torch.float16
    return Quantized(modules, products)


def emulated_fp8(quantized: Quantized, manifest: Manifest) -> EnginePolicy:
    """Return a policy that emulates the fp8 graphs in torch; the gate judges it instead of the engines."""
    return policy_of(quantized.modules, manifest, "fp8")


def quantize_graph(path: Path, products: Mapping[str, Fp8Product]) -> Graph:
    """Turn the fp16 graph at ``path`` into an fp8 one with ``products``; return its entry in the manifest."""
    model = onnx.load(path)
    graph, scaled = model.graph, set[str]()
    kept = [value for value in graph.initializer if value.name.removesuffix(".weight") not in products]
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        product = products.get(node.input[1].removesuffix(".weight")) if node.op_type == "MatMul" else None
        if product is not None:
            given, weight = node.input
            if given not in scaled:  # the keys and values of all layers share the context as their input
                scaled.add(given)
                kept += _constants(given, product.scale)
                nodes.append(_node("QuantizeLinear", given, f"{given}.fp8", given))
                nodes.append(_node("DequantizeLinear", f"{given}.fp8", f"{given}.back", given))
            kept += [_fp8(weight, product.stored), *_constants(weight, product.scales)]
            nodes.append(_node("DequantizeLinear", weight, f"{weight}.back", weight, axis=1))
            del node.input[:]
            node.input.extend([f"{given}.back", f"{weight}.back"])
        nodes.append(node)
    typed = [value for value in graph.value_info if value.name.removesuffix(".weight") not in products]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.value_info.extend(typed)
    beside = path.with_name(f"{path.name}.data")
    apart = beside.exists()
    beside.unlink(missing_ok=True)
    onnx.save(model, path, save_as_external_data=apart, location=beside.name)
    return manifest_entry(path)


def _calibrated(
    modules: Modules, manifest: Manifest, frames: Sequence[tuple[Image, ...]], parts: Sequence[str]
) -> dict[GraphName, dict[str, float]]:
    """Return the largest input value of each large product, by graph and name."""
    largest: dict[GraphName, dict[str, float]] = {graph: {} for graph in GRAPHS}

    def watch(graph: GraphName, name: str, product: Product) -> torch.utils.hooks.RemovableHandle:
        def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            largest[graph][name] = max(largest[graph].get(name, 0.0), float(inputs[0].abs().max()))

        return product.register_forward_pre_hook(note)

    hooks = [
        watch(graph, name, product)
        for graph in GRAPHS
        for name, product in _products(modules[graph]).items()
        if name.split(".")[0] in parts
    ]
    policy = policy_of(modules, manifest, "fp32")
    random = np.random.default_rng(SEED)
    for seen in frames:
        noise = random.standard_normal((policy.spec.action_horizon, policy.spec.action_dim), np.float32)
        policy.denoise(policy.observe(seen), noise, policy.spec.steps)
    for hook in hooks:
        hook.remove()
    return largest


def _products(module: nn.Module) -> dict[str, Product]:
    return {name: part for name, part in module.named_modules() if isinstance(part, Product)}


def _replace(module: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, part)


def _node(kind: str, value: str, result: str, scaled: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, [value, f"{scaled}.scale", f"{scaled}.zero"], [result], **attributes)


def _constants(name: str, scale: Tensor) -> list[onnx.TensorProto]:
    """Return the fp16 scale and the fp8 zero point of the tensor called ``name``."""
    zero = torch.zeros_like(scale).to(torch.float8_e4m3fn)
    return [numpy_helper.from_array(scale.half().numpy(), f"{name}.scale"), _fp8(f"{name}.zero", zero)]


def _fp8(name: str, values: Tensor) -> onnx.TensorProto:
    raw = values.view(torch.uint8).numpy().tobytes()
    return helper.make_tensor(name, TensorProto.FLOAT8E4M3FN, tuple(values.shape), raw, raw=True)
