"""The three graphs as torch modules: the model's mathematics, with all constants folded.

`ngrt.policy.bundle` has their inputs and outputs. `Schedule` has what depends on the denoise time alone, `Observe` what
depends on the frames alone, `Denoise` the rest. Queries, keys and values that share an input share a matrix product,
and the scale of attention is part of the query's weights.

In half precision the products are half and everything between them is float32: the residual stream, the norms, the
softmax, the actions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.model import ActionEncoder, Attention, DenoiserBlock, MixerBlock, NitroGen
from export.modules import Linear, Module, ModuleList, heads_first
from export.products import CONTRIB, Arithmetic
from export.tower import TowerLayer

Attributes = dict[str, int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool]]


def scaled(query: Linear, heads: int) -> Linear:
    """Return the query map with the scale of attention folded in."""
    factor = (query.out_features // heads) ** -0.5
    folded = Linear(query.in_features, query.out_features, query.bias is not None, device="meta")
    folded.weight = nn.Parameter(query.weight * factor, requires_grad=False)
    if query.bias is not None:
        folded.bias = nn.Parameter(query.bias * factor, requires_grad=False)
    return folded


def keys_first(x: Tensor, heads: int) -> Tensor:
    """(B, n, heads * width) -> (B, heads, width, n): keys, transposed for the product with queries."""
    return torch.unflatten(x, -1, (heads, -1)).permute(0, 2, 3, 1)


def attend(q: Tensor, k: Tensor, v: Tensor, dtype: torch.dtype) -> Tensor:
    """Attention of (B, heads, n, width) queries on transposed keys; the scale is in the queries already."""
    shares = torch.softmax((q.to(dtype) @ k.to(dtype)).float(), -1)
    return (shares.to(dtype) @ v.to(dtype)).float().transpose(1, 2).flatten(2)


class SelfAttention(Module):
    """Attention of a sequence on itself."""

    def __init__(self, maps: tuple[Linear, Linear, Linear], out: Linear, heads: int, how: Arithmetic):
        super().__init__()
        self.heads, self.dtype, self.fused = heads, how.dtype, how.fused
        self.qkv = how.joined([scaled(maps[0], heads), maps[1], maps[2]])
        self.out = how.product(out)

    def forward(self, n: Tensor) -> Tensor:
        q, k, v = self.qkv(n).chunk(3, -1)
        if self.fused and torch.onnx.is_in_onnx_export():
            attributes: Attributes = {"num_heads": self.heads, "scale": 1.0}
            operator = f"{CONTRIB}::MultiHeadAttention"
            return self.out(
                torch.onnx.ops.symbolic(operator, (q, k, v), attributes, dtype=q.dtype, shape=q.shape, version=1)
            )
        q, k, v = heads_first(q, self.heads), keys_first(k, self.heads), heads_first(v, self.heads)
        return self.out(attend(q, k, v, self.dtype))


class CrossAttention(Module):
    """Attention of a sequence on given keys and values."""

    def __init__(self, query: Linear, out: Linear, heads: int, how: Arithmetic) -> None:
        super().__init__()
        self.heads, self.dtype = heads, how.dtype
        self.query, self.out = how.product(scaled(query, heads)), how.product(out)

    def forward(self, n: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return self.out(attend(heads_first(self.query(n), self.heads), key, value, self.dtype))


class FeedForward(Module):
    """Linear, GELU (tanh), linear."""

    def __init__(self, inner: Linear, outer: Linear, how: Arithmetic) -> None:
        super().__init__()
        self.inner, self.outer = how.product(inner), how.product(outer)

    def forward(self, h: Tensor) -> Tensor:
        return self.outer(F.gelu(self.inner(h), approximate="tanh"))


def _attention(attention: Attention, how: Arithmetic) -> SelfAttention:
    return SelfAttention((attention.to_q, attention.to_k, attention.to_v), attention.out, attention.heads, how)


class EncoderLayer(Module):
    """A pre-norm block of the tower or the mixer."""

    def __init__(self, norms: tuple[nn.Module, nn.Module], attention: SelfAttention, ff: FeedForward) -> None:
        super().__init__()
        self.norm1, self.norm2, self.attention, self.ff = *norms, attention, ff

    @classmethod
    def of_tower(cls, layer: TowerLayer, how: Arithmetic) -> "EncoderLayer":
        """Return a layer of the tower."""
        own = layer.self_attn
        attention = SelfAttention((own.q_proj, own.k_proj, own.v_proj), own.out_proj, own.heads, how)
        norms = layer.layer_norm1, layer.layer_norm2
        return cls(norms, attention, FeedForward(layer.mlp.fc1, layer.mlp.fc2, how))

    @classmethod
    def of_mixer(cls, block: MixerBlock, how: Arithmetic) -> "EncoderLayer":
        """Return a block of the mixer."""
        norms = nn.Sequential(block.norm1, block.pos_embed), block.norm3
        return cls(norms, _attention(block.attn1, how), FeedForward(*block.ff.linears, how))

    def forward(self, h: Tensor) -> Tensor:
        h = h + self.attention(self.norm1(h))
        return h + self.ff(self.norm2(h))


class Schedule(Module):
    """timesteps (N,) -> modulations (N, M): the action encoder's bias, then [1 + scale, shift] of every norm.

    Always float32: half precision cannot tell timesteps of several hundreds apart.
    """

    def __init__(self, model: NitroGen) -> None:
        super().__init__()
        encoder, width = model.action_encoder, model.config.model.hidden_size
        self.embedder = model.model.timestep_encoder.timestep_embedder
        # tables, not formulas in the graph: engines round exponentials differently
        self.encoder_frequencies = nn.Parameter(encoder.frequencies(width), requires_grad=False)
        self.frequencies = nn.Parameter(self.embedder.frequencies(), requires_grad=False)
        w2 = encoder.W2.W[0]
        self.bias = nn.Parameter(encoder.W1.b[0] @ w2[:width] + encoder.W2.b[0], requires_grad=False)
        self.time_share = nn.Parameter(w2[width:].contiguous(), requires_grad=False)
        self.norms = ModuleList(block.norm1.linear for block in model.model.transformer_blocks)
        self.last = model.model.proj_out_1

    def forward(self, timesteps: Tensor) -> Tensor:
        tau = ActionEncoder.tau(timesteps[:, None] * self.encoder_frequencies)
        parts = [tau @ self.time_share + self.bias]
        temb = F.silu(self.embedder(timesteps[:, None] * self.frequencies))
        for norm in self.norms:
            scale, shift = norm(temb).chunk(2, -1)
            parts += [1 + scale, shift]
        shift, scale = self.last(temb).chunk(2, -1)  # the last norm has them in the other order
        return torch.cat([*parts, 1 + scale, shift], -1)


class Observe(nn.Module):
    """frames (B, F, S, S, 3) uint8 [, game (B,)] -> context (B, L, Dv), then key_i, value_i of every cross layer."""

    def __init__(self, model: NitroGen, how: Arithmetic) -> None:
        super().__init__()
        tower = model.vision_encoder
        self.length = model.config.tokenizer.max_sequence_length
        self.patch = model.config.tower.patch_size
        self.side = model.config.tower.image_size // self.patch
        kernel = tower.embeddings.patch_embedding
        self.patches = how.large(kernel.weight.permute(2, 3, 1, 0).flatten(0, 2), kernel.bias)
        self.positions = tower.embeddings.position_embedding.weight
        self.tower = ModuleList(EncoderLayer.of_tower(layer, how) for layer in tower.encoder.layers)
        self.tower_norm = tower.post_layernorm
        blocks = model.vl_self_attention_model.transformer_blocks
        self.mixer = ModuleList(EncoderLayer.of_mixer(block, how) for block in blocks)
        crosses = [block.attn1 for block in model.model.transformer_blocks if block.crosses]
        self.heads, self.dtype = crosses[0].heads, how.dtype
        self.keys = ModuleList(how.product(cross.to_k) for cross in crosses)
        self.values = ModuleList(how.product(cross.to_v) for cross in crosses)
        table = model.game_embedding
        # one more row, of zeros, for the empty slot: game -1
        self.games = None if table is None else nn.Parameter(F.pad(table.weight, (0, 0, 0, 1)), requires_grad=False)

    def forward(self, frames: Tensor, game: Tensor | None = None) -> tuple[Tensor, ...]:
        context = self.context(frames, game)
        outputs = [context]
        for to_key, to_value in zip(self.keys, self.values, strict=True):
            outputs.append(keys_first(to_key(context), self.heads).to(self.dtype))
            outputs.append(heads_first(to_value(context), self.heads).to(self.dtype))
        return tuple(outputs)

    def context(self, frames: Tensor, game: Tensor | None) -> Tensor:
        """Return the mixer's output (B, L, Dv)."""
        batch, count = frames.shape[:2]
        # bytes become floats first: TensorRT takes uint8 as an input, but does not compute with it
        tokens = self.see(frames.float().flatten(0, 1)).reshape(batch, count * self.side**2, -1)
        if self.games is not None and game is not None:
            rows = torch.where(game < 0, self.games.shape[0] - 1, game)
            tokens = torch.cat([self.games[rows][:, None], tokens], 1)
        h = F.pad(tokens, (0, 0, self.length - tokens.shape[1], 0))
        for block in self.mixer:
            h = block(h)
        return h

    def see(self, images: Tensor) -> Tensor:
        """(n, S, S, 3), 0 to 255 -> (n, P, Dv)."""
        used = self.side * self.patch  # the model drops a remainder that fills no patch
        pixels = (images[:, :used, :used] / 255 - 0.5) / 0.5
        grid = pixels.reshape(-1, self.side, self.patch, self.side, self.patch, 3).transpose(2, 3)
        h = self.patches(grid.flatten(3).flatten(1, 2)) + self.positions
        for layer in self.tower:
            h = layer(h)
        return self.tower_norm(h)


class DenoiseBlock(Module):
    """One block of the denoiser, with its norm's scale and shift as inputs; ``key_value`` only for cross-attention."""

    def __init__(self, block: DenoiserBlock, how: Arithmetic) -> None:
        super().__init__()
        own = block.attn1
        self.eps, self.crosses = block.norm1.eps, block.crosses
        self.pos_embed, self.norm3 = block.pos_embed, block.norm3
        self.attention = CrossAttention(own.to_q, own.out, own.heads, how) if block.crosses else _attention(own, how)
        self.ff = FeedForward(*block.ff.linears, how)

    def forward(self, h: Tensor, scale: Tensor, shift: Tensor, *key_value: Tensor) -> Tensor:
        n = self.pos_embed(F.layer_norm(h, h.shape[-1:], eps=self.eps) * scale + shift)
        h = h + self.attention(n, *key_value)
        return h + self.ff(self.norm3(h))


class Denoise(Module):
    """One Euler step; inputs and formula as in `ngrt.policy.bundle`."""

    def __init__(self, model: NitroGen, how: Arithmetic) -> None:
        super().__init__()
        config, encoder = model.config.model, model.action_encoder
        self.width = config.hidden_size
        folded = encoder.W1.W[0] @ encoder.W2.W[0][: self.width]  # two linear maps in a row
        self.enter = how.narrow(folded, None)
        self.lift = how.large(encoder.W3.W[0], encoder.W3.b[0])
        table = model.position_embedding
        rows = None if table is None else table.weight[: config.action_horizon].clone()
        self.positions = None if rows is None else nn.Parameter(rows, requires_grad=False)
        self.blocks = ModuleList(DenoiseBlock(block, how) for block in model.model.transformer_blocks)
        last, decoder = model.model.proj_out_2, model.action_decoder
        inner = decoder.layer1.W[0]
        self.layer1 = how.large(last.weight.t() @ inner, last.bias @ inner + decoder.layer1.b[0])
        self.layer2 = how.narrow(decoder.layer2.W[0], decoder.layer2.b[0])

    def forward(
        self,
        x: Tensor,
        modulation: Tensor,
        dt: Tensor,
        remaining: Tensor,
        mix: Tensor,
        prior: Tensor,
        weights: Tensor,
        guidance: Tensor,
        *keys_values: Tensor,
    ) -> Tensor:
        # written as a sum, not as a matrix product: TensorRT has none in float32 on Turing
        v = (mix[:, :, None, None] * self.velocity(x, modulation, keys_values)).sum(1)
        v = v + guidance * weights * (prior - (x + remaining * v))
        return x + dt * v

    def velocity(self, x: Tensor, modulation: Tensor, keys_values: tuple[Tensor, ...]) -> Tensor:
        """Return the model's velocity (B, H, A) at ``x``."""
        bias, *norms = torch.split(modulation, self.width)
        h = self.lift(F.silu(self.enter(x) + bias))
        if self.positions is not None:
            h = h + self.positions
        remaining = iter(keys_values)
        for number, block in enumerate(self.blocks):
            own = [next(remaining), next(remaining)] if block.crosses else []
            h = block(h, norms[2 * number], norms[2 * number + 1], *own)
        h = F.layer_norm(h, h.shape[-1:], eps=1e-6) * norms[-2] + norms[-1]
        return self.layer2(F.relu(self.layer1(h)))
