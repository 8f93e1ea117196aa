"""The model's large matrix products (GEMMs), in float or in int8: what a precision means for a graph."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from export.modules import Linear, Module
from ngrt.inference.onnx.saturation import INT8_PRODUCT
from ngrt.policy.bundle import Precision

CONTRIB = "com.microsoft"
"""ONNX Runtime's own operators."""

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float32}
"""Number format of the matrix products that are not quantized."""


class Product(Module):
    """x W + b, computed in the precision of its weights, float32 in and out."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().to(dtype).contiguous(), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.detach().to(dtype).contiguous(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        y = x.to(self.weight.dtype) @ self.weight
        return (y if self.bias is None else y + self.bias).float()


class NarrowProduct(Product):
    """A product that is never quantized: it is small, and takes or returns the actions themselves."""


class Int8Product(Module):
    """x W + b with int8 weights, a scale for each column, and x rounded to uint8 over its own range at run time.

    ONNX Runtime has an operator for this. torch has none: it computes the same in several steps. Each product has a
    zero point of its own, of zeros: on processors that need precise products ONNX Runtime rewrites weights and zero
    point of a node together, and before its version 1.30 only where there is one.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        weight = weight.detach().float()
        # a column of zeros may have any scale; 127, not 128, so that -w is as exact as w
        scale = weight.abs().amax(0).clamp(min=torch.finfo(torch.float32).tiny) / 127
        self.weight = nn.Parameter((weight / scale).round().to(torch.int8).contiguous(), requires_grad=False)
        self.scale = nn.Parameter(scale, requires_grad=False)
        self.zero = nn.Parameter(torch.zeros_like(scale, dtype=torch.int8), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.detach().float().clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            shape = (*x.shape[:-1], self.weight.shape[1])
            inputs = (x, self.weight, self.scale, self.zero, self.bias)
            return torch.onnx.ops.symbolic(
                f"{CONTRIB}::{INT8_PRODUCT}", inputs, dtype=torch.float32, shape=shape, version=1
            )
        y = rounded(x) @ (self.weight.float() * self.scale)
        return y if self.bias is None else y + self.bias


def rounded(x: Tensor) -> Tensor:
    """Return ``x`` rounded as uint8 over its range would hold it, zero exactly: ONNX's DynamicQuantizeLinear."""
    low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)
    scale = ((high - low) / 255).clamp(min=torch.finfo(torch.float32).tiny)
    zero = (-low / scale).round().clamp(0, 255)
    return ((x / scale).round().add(zero).clamp(0, 255) - zero) * scale


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The arithmetic of a graph.

    ``dtype``: number format of attention, keys and values, and narrow products; ``large``: makes all other products;
    ``fused``: whether self-attention is a single operator of ONNX Runtime.
    """

    dtype: torch.dtype
    large: Callable[[Tensor, Tensor | None], Module]
    fused: bool = False

    @classmethod
    def of(cls, precision: Precision) -> "Arithmetic":
        """Return the arithmetic of ``precision``."""
        dtype = DTYPES[precision]
        if precision == "int8":
            return cls(dtype, Int8Product, fused=True)
        return cls(dtype, lambda weight, bias: Product(weight, bias, dtype))

    def narrow(self, weight: Tensor, bias: Tensor | None) -> Module:
        """Return a product that is never quantized."""
        return NarrowProduct(weight, bias, self.dtype)

    def product(self, linear: Linear) -> Module:
        """Return the matrix product that ``linear`` computes."""
        return self.large(linear.weight.t(), linear.bias)

    def joined(self, linears: list[Linear]) -> Module:
        """Return one matrix product for several maps of the same input, with their outputs side by side."""
        weight = torch.cat([linear.weight for linear in linears]).t()
        bias = torch.cat([linear.bias for linear in linears]) if linears[0].bias is not None else None
        return self.large(weight, bias)
