"""NitroGen's mathematics in torch: module names are the checkpoint's tensor names, forward passes its formulas."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.config import Blocks, Config, Denoiser, Tower

TIME_CHANNELS = 256


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Return softmax(q k' / sqrt(head width)) v for (B, n, heads * width) inputs; no mask."""
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class TowerAttention(nn.Module):
    def __init__(self, tower: Tower) -> None:
        super().__init__()
        width = tower.hidden_size
        self.heads = tower.num_attention_heads
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        return self.out_proj(attend(self.q_proj(h), self.k_proj(h), self.v_proj(h), self.heads))


class TowerMlp(nn.Module):
    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.fc1 = nn.Linear(tower.hidden_size, tower.intermediate_size)
        self.fc2 = nn.Linear(tower.intermediate_size, tower.hidden_size)

    def forward(self, h: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(h), approximate="tanh"))


class TowerLayer(nn.Module):
    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(tower.hidden_size, eps=1e-6)
        self.self_attn = TowerAttention(tower)
        self.layer_norm2 = nn.LayerNorm(tower.hidden_size, eps=1e-6)
        self.mlp = TowerMlp(tower)

    def forward(self, h: Tensor) -> Tensor:
        h = h + self.self_attn(self.layer_norm1(h))
        return h + self.mlp(self.layer_norm2(h))


class TowerEmbeddings(nn.Module):
    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, tower.hidden_size, tower.patch_size, tower.patch_size)
        self.position_embedding = nn.Embedding(tower.tokens, tower.hidden_size)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.patch_embedding(pixels).flatten(2).transpose(1, 2) + self.position_embedding.weight


class TowerEncoder(nn.Module):
    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TowerLayer(tower) for _ in range(tower.num_hidden_layers))


class PoolingHead(nn.Module):
    """Stored with the tower, never used by the policy."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.zeros(1, 1, tower.hidden_size))
        self.attention = nn.MultiheadAttention(tower.hidden_size, tower.num_attention_heads, batch_first=True)
        self.layernorm = nn.LayerNorm(tower.hidden_size, eps=1e-6)
        self.mlp = TowerMlp(tower)


class VisionTower(nn.Module):
    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.embeddings = TowerEmbeddings(tower)
        self.encoder = TowerEncoder(tower)
        self.post_layernorm = nn.LayerNorm(tower.hidden_size, eps=1e-6)
        self.head = PoolingHead(tower)

    def forward(self, pixels: Tensor) -> Tensor:
        h = self.embeddings(pixels)
        for layer in self.encoder.layers:
            h = layer(h)
        return self.post_layernorm(h)


class Attention(nn.Module):
    def __init__(self, blocks: Blocks, context_width: int) -> None:
        super().__init__()
        width, bias = blocks.width, blocks.attention_bias
        self.heads = blocks.num_attention_heads
        self.to_q = nn.Linear(width, width, bias)
        self.to_k, self.to_v = nn.Linear(context_width, width, bias), nn.Linear(context_width, width, bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    @property
    def out(self) -> nn.Linear:
        """The output map."""
        return self.to_out[0]

    def forward(self, h: Tensor, context: Tensor) -> Tensor:
        return self.out(attend(self.to_q(h), self.to_k(context), self.to_v(context), self.heads))


class Projection(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 4 * width)

    def forward(self, h: Tensor) -> Tensor:
        return F.gelu(self.proj(h), approximate="tanh")


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Projection(width), nn.Identity(), nn.Linear(4 * width, width))

    @property
    def linears(self) -> tuple[nn.Linear, nn.Linear]:
        """The two maps, inner and outer."""
        return self.net[0].proj, self.net[2]

    def forward(self, h: Tensor) -> Tensor:
        return self.net(h)


class SinusoidalPositions(nn.Module):
    pe: Tensor

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        angles = torch.arange(count)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(1, count, width)
        table[0, :, 0::2], table[0, :, 1::2] = torch.sin(angles), torch.cos(angles)
        self.register_buffer("pe", table)

    def forward(self, n: Tensor) -> Tensor:
        return n + self.pe[:, : n.shape[1]]


def positions(blocks: Blocks) -> nn.Module:
    if blocks.positional_embeddings is None:
        return nn.Identity()
    return SinusoidalPositions(blocks.width, blocks.max_num_positional_embeddings)


class MixerBlock(nn.Module):
    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.pos_embed = positions(blocks)
        self.norm1 = nn.LayerNorm(blocks.width)
        self.attn1 = Attention(blocks, blocks.width)
        self.norm3 = nn.LayerNorm(blocks.width)
        self.ff = FeedForward(blocks.width)

    def forward(self, h: Tensor) -> Tensor:
        n = self.pos_embed(self.norm1(h))
        h = h + self.attn1(n, n)
        return h + self.ff(self.norm3(h))


class Mixer(nn.Module):
    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.transformer_blocks = nn.ModuleList(MixerBlock(blocks) for _ in range(blocks.num_layers))

    def forward(self, h: Tensor) -> Tensor:
        for block in self.transformer_blocks:
            h = block(h)
        return h


class AdaptiveNorm(nn.Module):
    """LayerNorm whose scale and shift come from the time: n = LN(h) (1 + scale) + shift."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * width)
        self.eps = eps

    def forward(self, h: Tensor, temb: Tensor) -> Tensor:
        scale, shift = self.linear(F.silu(temb))[:, None].chunk(2, -1)
        return F.layer_norm(h, h.shape[-1:], eps=self.eps) * (1 + scale) + shift


class DenoiserBlock(nn.Module):
    def __init__(self, blocks: Denoiser, context_width: int | None) -> None:
        super().__init__()
        self.crosses = context_width is not None
        self.pos_embed = positions(blocks)
        self.norm1 = AdaptiveNorm(blocks.width, blocks.norm_eps)
        self.attn1 = Attention(blocks, context_width or blocks.width)
        self.norm3 = nn.LayerNorm(blocks.width, blocks.norm_eps, elementwise_affine=blocks.norm_elementwise_affine)
        self.ff = FeedForward(blocks.width)

    def forward(self, h: Tensor, temb: Tensor, context: Tensor) -> Tensor:
        n = self.pos_embed(self.norm1(h, temb))
        h = h + self.attn1(n, context if self.crosses else n)
        return h + self.ff(self.norm3(h))


class TimestepEmbedder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(TIME_CHANNELS, width), nn.Linear(width, width)

    def forward(self, t: Tensor) -> Tensor:
        half = TIME_CHANNELS // 2
        angles = t[:, None] * torch.exp(torch.arange(half, device=t.device) * (-math.log(10000.0) / (half - 1)))
        return self.linear_2(F.silu(self.linear_1(torch.cat([angles.cos(), angles.sin()], -1))))


class TimestepEncoder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedder(width)


class Dit(nn.Module):
    def __init__(self, blocks: Denoiser) -> None:
        super().__init__()
        self.timestep_encoder = TimestepEncoder(blocks.width)
        self.transformer_blocks = nn.ModuleList(
            DenoiserBlock(blocks, blocks.cross_attention_dim if i in blocks.cross_layers else None)
            for i in range(blocks.num_layers)
        )
        self.proj_out_1 = nn.Linear(blocks.width, 2 * blocks.width)
        self.proj_out_2 = nn.Linear(blocks.width, blocks.output_dim)

    def forward(self, h: Tensor, t: Tensor, context: Tensor) -> Tensor:
        temb = self.timestep_encoder.timestep_embedder(t)
        for block in self.transformer_blocks:
            h = block(h, temb, context)
        shift, scale = self.proj_out_1(F.silu(temb))[:, None].chunk(2, -1)
        return self.proj_out_2(F.layer_norm(h, h.shape[-1:], eps=1e-6) * (1 + scale) + shift)


class EmbodimentLinear(nn.Module):
    """One linear map per embodiment, stored (embodiment, in, out); embodiment 0 is the gamepad."""

    def __init__(self, embodiments: int, wide: int, out: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.zeros(embodiments, wide, out))
        self.b = nn.Parameter(torch.zeros(embodiments, out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.W[0] + self.b[0]


class ActionEncoder(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        model, width = config.model, config.model.hidden_size
        self.W1 = EmbodimentLinear(model.max_num_embodiments, model.action_dim, width)
        self.W2 = EmbodimentLinear(model.max_num_embodiments, 2 * width, width)
        self.W3 = EmbodimentLinear(model.max_num_embodiments, width, width)

    @staticmethod
    def time_features(t: Tensor, width: int) -> Tensor:
        half = width // 2
        angles = t[:, None] * torch.exp(torch.arange(half, device=t.device) * (-math.log(10000.0) / half))
        return torch.cat([angles.sin(), angles.cos()], -1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        a = self.W1(x)
        tau = self.time_features(t, a.shape[-1])[:, None].expand_as(a)
        return self.W3(F.silu(self.W2(torch.cat([a, tau], -1))))


class ActionDecoder(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        model = config.model
        self.layer1 = EmbodimentLinear(
            model.max_num_embodiments, model.diffusion_model_cfg.output_dim, model.hidden_size
        )
        self.layer2 = EmbodimentLinear(model.max_num_embodiments, model.hidden_size, model.action_dim)

    def forward(self, h: Tensor) -> Tensor:
        return self.layer2(F.relu(self.layer1(h)))


class NitroGen(nn.Module):
    """The whole policy."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        model = config.model
        self.config = config
        self.vision_encoder = VisionTower(config.tower)
        self.vl_self_attention_model = Mixer(model.vl_self_attention_cfg)
        self.model = Dit(model.diffusion_model_cfg)
        self.action_encoder = ActionEncoder(config)
        self.action_decoder = ActionDecoder(config)
        self.position_embedding = nn.Embedding(model.max_seq_len, model.hidden_size) if model.add_pos_embed else None
        rows = config.game_rows
        self.game_embedding = nn.Embedding(rows, model.vision_hidden_size) if rows else None

    def encode(self, frames: Tensor, game: Tensor | None = None) -> Tensor:
        """Return the context (B, L, Dv) of ``frames`` (B, F, S, S, 3) uint8, oldest first, and ``game`` (B,)."""
        return self.vl_self_attention_model(self.sequence(frames, game))

    def sequence(self, frames: Tensor, game: Tensor | None = None) -> Tensor:
        batch = len(frames)
        pixels = (frames.flatten(0, 1).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
        tokens = self.vision_encoder(pixels).unflatten(0, (batch, -1)).flatten(1, 2)
        if self.game_embedding is not None:
            tokens = torch.cat([self.game_token(game, batch)[:, None], tokens], 1)
        return F.pad(tokens, (0, 0, self.config.tokenizer.max_sequence_length - tokens.shape[1], 0))

    def game_token(self, game: Tensor | None, batch: int) -> Tensor:
        """Return the game's row (B, Dv): row 0 where no game is named, zeros where ``game`` is -1."""
        assert self.game_embedding is not None
        rows = self.game_embedding.weight
        if game is None:
            return rows[:1].expand(batch, -1)
        return rows[game.clamp(min=0)] * (game >= 0)[:, None]

    def velocity(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """Return the velocity (B, H, A) at ``x`` (B, H, A) and timesteps ``t`` (B,), 0 to the number of buckets."""
        t = t.float()
        h = self.action_encoder(x, t)
        if self.position_embedding is not None:
            h = h + self.position_embedding.weight[: x.shape[1]]
        return self.action_decoder(self.model(h, t, context))
