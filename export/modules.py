"""torch's modules with types, and the attention that all parts of the model share."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

M = TypeVar("M", bound=nn.Module)

if TYPE_CHECKING:

    class Module(nn.Module):
        """A module that returns one tensor."""

        def __call__(self, *inputs: Tensor | None) -> Tensor: ...

    class Linear(nn.Linear, Module):
        """nn.Linear."""

    class LayerNorm(nn.LayerNorm, Module):
        """nn.LayerNorm."""

    class Conv2d(nn.Conv2d, Module):
        """nn.Conv2d."""

    class Identity(nn.Identity, Module):
        """nn.Identity."""

    class ModuleList(nn.ModuleList, Generic[M]):
        """nn.ModuleList with modules of one type."""

        def __init__(self, modules: Iterable[M]) -> None: ...
        def __iter__(self) -> Iterator[M]: ...
        def __getitem__(self, index: int) -> M: ...  # type: ignore[override]

else:
    Module, Linear, LayerNorm, Conv2d, Identity = nn.Module, nn.Linear, nn.LayerNorm, nn.Conv2d, nn.Identity
    ModuleList = nn.ModuleList


def heads_first(x: Tensor, heads: int) -> Tensor:
    """(B, n, heads * width) -> (B, heads, n, width)."""
    return torch.unflatten(x, -1, (heads, -1)).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Return softmax(q k' / sqrt(head width)) v for (B, n, heads * width) inputs; no mask."""
    q, k, v = (heads_first(part, heads) for part in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
