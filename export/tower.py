"""The SigLIP vision tower in torch; attribute names are the checkpoint's tensor names."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.config import Tower
from export.modules import Conv2d, LayerNorm, Linear, Module, ModuleList, attend


class TowerAttention(Module):
    """Attention of (B, P, Dv) on itself."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        width = tower.hidden_size
        self.heads = tower.num_attention_heads
        self.k_proj, self.v_proj = Linear(width, width), Linear(width, width)
        self.q_proj, self.out_proj = Linear(width, width), Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        return self.out_proj(attend(self.q_proj(h), self.k_proj(h), self.v_proj(h), self.heads))


class TowerMlp(Module):
    """Linear, GELU (tanh), linear on (B, P, Dv)."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.fc1 = Linear(tower.hidden_size, tower.intermediate_size)
        self.fc2 = Linear(tower.intermediate_size, tower.hidden_size)

    def forward(self, h: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(h), approximate="tanh"))


class TowerLayer(Module):
    """A pre-norm block on (B, P, Dv)."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.layer_norm1 = LayerNorm(tower.hidden_size, tower.layer_norm_eps)
        self.self_attn = TowerAttention(tower)
        self.layer_norm2 = LayerNorm(tower.hidden_size, tower.layer_norm_eps)
        self.mlp = TowerMlp(tower)

    def forward(self, h: Tensor) -> Tensor:
        h = h + self.self_attn(self.layer_norm1(h))
        return h + self.mlp(self.layer_norm2(h))


class TowerEmbeddings(Module):
    """Pixels (B, 3, S, S) in [-1, 1] -> patches with their positions (B, P, Dv)."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.patch_embedding = Conv2d(3, tower.hidden_size, tower.patch_size, tower.patch_size)
        self.position_embedding = nn.Embedding(tower.tokens, tower.hidden_size)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.patch_embedding(pixels).flatten(2).transpose(1, 2) + self.position_embedding.weight


class TowerEncoder(nn.Module):
    """The layers."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.layers = ModuleList(TowerLayer(tower) for _ in range(tower.num_hidden_layers))


class PoolingHead(nn.Module):
    """Stored with the tower, never used by the policy."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.zeros(1, 1, tower.hidden_size))
        self.attention = nn.MultiheadAttention(tower.hidden_size, tower.num_attention_heads, batch_first=True)
        self.layernorm = LayerNorm(tower.hidden_size, tower.layer_norm_eps)
        self.mlp = TowerMlp(tower)


class VisionTower(Module):
    """Pixels (B, 3, S, S) in [-1, 1] -> features (B, P, Dv)."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.embeddings = TowerEmbeddings(tower)
        self.encoder = TowerEncoder(tower)
        self.post_layernorm = LayerNorm(tower.hidden_size, tower.layer_norm_eps)
        self.head = PoolingHead(tower)

    def forward(self, pixels: Tensor) -> Tensor:
        h = self.embeddings(pixels)
        for layer in self.encoder.layers:
            h = layer(h)
        return self.post_layernorm(h)
