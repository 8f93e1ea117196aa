"""NitroGen's mathematics in torch: attribute names are the checkpoint's tensor names, forward passes its formulas."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.config import Blocks, Config, Denoiser
from export.modules import Identity, LayerNorm, Linear, Module, ModuleList, attend
from export.tower import VisionTower

TIME_CHANNELS = 256
LOG_PERIOD = -math.log(10000.0)


class Attention(Module):
    """Attention of (B, n, width) on a context (B, L, context width)."""

    def __init__(self, blocks: Blocks, context_width: int) -> None:
        super().__init__()
        width, bias = blocks.width, blocks.attention_bias
        self.heads = blocks.num_attention_heads
        self.to_q = Linear(width, width, bias)
        self.to_k, self.to_v = Linear(context_width, width, bias), Linear(context_width, width, bias)
        self.to_out = ModuleList([Linear(width, width)])

    @property
    def out(self) -> Linear:
        """The output map."""
        return self.to_out[0]

    def forward(self, h: Tensor, context: Tensor) -> Tensor:
        return self.out(attend(self.to_q(h), self.to_k(context), self.to_v(context), self.heads))


class Projection(Module):
    """The inner half of a feed-forward layer: linear, GELU (tanh)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = Linear(width, 4 * width)

    def forward(self, h: Tensor) -> Tensor:
        return F.gelu(self.proj(h), approximate="tanh")


class FeedForward(Module):
    """Linear (4x), GELU (tanh), linear on (B, n, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner, outer = Projection(width), Linear(4 * width, width)
        self.net = ModuleList([inner, Identity(), outer])  # the middle one was a dropout
        self.linears = inner.proj, outer  # in a tuple: not stored again

    def forward(self, h: Tensor) -> Tensor:
        for layer in self.net:
            h = layer(h)
        return h


class SinusoidalPositions(Module):
    """Adds a fixed table to (B, n, width): even columns sin(p w), odd cos(p w)."""

    pe: Tensor

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        angles = torch.arange(count)[:, None] * torch.exp(torch.arange(0, width, 2) * (LOG_PERIOD / width))
        table = torch.zeros(1, count, width)
        table[0, :, 0::2], table[0, :, 1::2] = torch.sin(angles), torch.cos(angles)
        self.register_buffer("pe", table)

    def forward(self, n: Tensor) -> Tensor:
        return n + self.pe[:, : n.shape[1]]


def positions(blocks: Blocks) -> Module:
    """Return what adds the fixed position table to (B, n, width), or nothing where the stack has none."""
    if blocks.positional_embeddings is None:
        return Identity()
    return SinusoidalPositions(blocks.width, blocks.max_num_positional_embeddings)


class MixerBlock(Module):
    """A pre-norm block on (B, L, Dv)."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.pos_embed = positions(blocks)
        self.norm1 = LayerNorm(blocks.width)
        self.attn1 = Attention(blocks, blocks.width)
        self.norm3 = LayerNorm(blocks.width)
        self.ff = FeedForward(blocks.width)

    def forward(self, h: Tensor) -> Tensor:
        n = self.pos_embed(self.norm1(h))
        h = h + self.attn1(n, n)
        return h + self.ff(self.norm3(h))


class Mixer(Module):
    """The sequence (B, L, Dv) -> the context, of the same shape."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.transformer_blocks = ModuleList(MixerBlock(blocks) for _ in range(blocks.num_layers))

    def forward(self, h: Tensor) -> Tensor:
        for block in self.transformer_blocks:
            h = block(h)
        return h


class AdaptiveNorm(Module):
    """LayerNorm whose scale and shift come from the time: n = LN(h) (1 + scale) + shift."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.linear = Linear(width, 2 * width)
        self.eps = eps

    def forward(self, h: Tensor, temb: Tensor) -> Tensor:
        scale, shift = self.linear(F.silu(temb))[:, None].chunk(2, -1)
        return F.layer_norm(h, h.shape[-1:], eps=self.eps) * (1 + scale) + shift


class DenoiserBlock(Module):
    """A block on (B, H, D) that attends to the context (B, L, Dv) or, without a context width, to itself."""

    def __init__(self, blocks: Denoiser, context_width: int | None) -> None:
        super().__init__()
        self.crosses = context_width is not None
        self.pos_embed = positions(blocks)
        self.norm1 = AdaptiveNorm(blocks.width, blocks.norm_eps)
        self.attn1 = Attention(blocks, context_width or blocks.width)
        self.norm3 = LayerNorm(blocks.width, blocks.norm_eps, elementwise_affine=blocks.norm_elementwise_affine)
        self.ff = FeedForward(blocks.width)

    def forward(self, h: Tensor, temb: Tensor, context: Tensor) -> Tensor:
        n = self.pos_embed(self.norm1(h, temb))
        h = h + self.attn1(n, context if self.crosses else n)
        return h + self.ff(self.norm3(h))


class TimestepEmbedder(Module):
    """Angles (B, 128), t times each frequency -> (B, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = Linear(TIME_CHANNELS, width), Linear(width, width)

    @staticmethod
    def frequencies(device: torch.device | None = None) -> Tensor:
        """Return exp(-j ln(10000) / 127) for j below 128: (128,).

        Rounded in the same order as in training: at t = 900 the last bit of a frequency changes an angle by 5e-5.
        """
        return torch.exp(LOG_PERIOD * torch.arange(TIME_CHANNELS // 2, device=device) / (TIME_CHANNELS // 2 - 1))

    def forward(self, angles: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(torch.cat([angles.cos(), angles.sin()], -1))))


class TimestepEncoder(nn.Module):
    """Holds the embedder under the name it has in checkpoints."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedder(width)


class Dit(Module):
    """The denoiser: h (B, H, D), t (B,), context (B, L, Dv) -> (B, H, output_dim)."""

    def __init__(self, blocks: Denoiser) -> None:
        super().__init__()
        self.timestep_encoder = TimestepEncoder(blocks.width)
        self.transformer_blocks = ModuleList(
            DenoiserBlock(blocks, blocks.cross_attention_dim if i in blocks.cross_layers else None)
            for i in range(blocks.num_layers)
        )
        self.proj_out_1 = Linear(blocks.width, 2 * blocks.width)
        self.proj_out_2 = Linear(blocks.width, blocks.output_dim)

    def forward(self, h: Tensor, t: Tensor, context: Tensor) -> Tensor:
        embedder = self.timestep_encoder.timestep_embedder
        temb = embedder(t[:, None] * embedder.frequencies(t.device))
        for block in self.transformer_blocks:
            h = block(h, temb, context)
        shift, scale = self.proj_out_1(F.silu(temb))[:, None].chunk(2, -1)
        return self.proj_out_2(F.layer_norm(h, h.shape[-1:], eps=1e-6) * (1 + scale) + shift)


class EmbodimentLinear(Module):
    """One linear map per embodiment, stored (embodiment, in, out); embodiment 0 is the gamepad."""

    def __init__(self, embodiments: int, wide: int, out: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.zeros(embodiments, wide, out))
        self.b = nn.Parameter(torch.zeros(embodiments, out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.W[0] + self.b[0]


class ActionEncoder(Module):
    """x (B, H, A), t (B,) -> (B, H, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        model, width = config.model, config.model.hidden_size
        self.W1 = EmbodimentLinear(model.max_num_embodiments, model.action_dim, width)
        self.W2 = EmbodimentLinear(model.max_num_embodiments, 2 * width, width)
        self.W3 = EmbodimentLinear(model.max_num_embodiments, width, width)

    @staticmethod
    def frequencies(width: int, device: torch.device | None = None) -> Tensor:
        """Return exp(-j ln(10000) / (width / 2)) for j below width / 2, rounded in the same order as in training."""
        return torch.exp(torch.arange(width // 2, device=device) * (LOG_PERIOD / (width // 2)))

    @staticmethod
    def tau(angles: Tensor) -> Tensor:
        """Angles (N, width / 2), t times each frequency -> tau (N, width)."""
        return torch.cat([angles.sin(), angles.cos()], -1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        a = self.W1(x)
        tau = self.tau(t[:, None] * self.frequencies(a.shape[-1], t.device))[:, None].expand_as(a)
        return self.W3(F.silu(self.W2(torch.cat([a, tau], -1))))


class ActionDecoder(Module):
    """(B, H, output_dim) -> velocity (B, H, A)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        model = config.model
        self.layer1 = EmbodimentLinear(
            model.max_num_embodiments, model.diffusion_model_cfg.output_dim, model.hidden_size
        )
        self.layer2 = EmbodimentLinear(model.max_num_embodiments, model.hidden_size, model.action_dim)

    def forward(self, h: Tensor) -> Tensor:
        return self.layer2(F.relu(self.layer1(h)))


def game_token(rows: Tensor, game: Tensor | None, batch: int) -> Tensor:
    """Return the games' tokens (B, Dv): row 0 where no game is named, zeros where ``game`` is -1."""
    if game is None:
        return rows[:1].expand(batch, -1)
    return rows[game.clamp(min=0)] * (game >= 0)[:, None]


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
        """Return the mixer's input (B, L, Dv): zeros, the game's token, the frames' tokens."""
        batch = len(frames)
        pixels = (frames.flatten(0, 1).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
        tokens = torch.unflatten(self.vision_encoder(pixels), 0, (batch, -1)).flatten(1, 2)
        if self.game_embedding is not None:
            token = game_token(self.game_embedding.weight, game, batch)
            tokens = torch.cat([token[:, None], tokens], 1)
        return F.pad(tokens, (0, 0, self.config.tokenizer.max_sequence_length - tokens.shape[1], 0))

    def velocity(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """Return the velocity (B, H, A) at ``x`` (B, H, A) and timesteps ``t`` (B,), 0 to the number of buckets."""
        t = t.float()
        h = self.action_encoder(x, t)
        if self.position_embedding is not None:
            h = h + self.position_embedding.weight[: x.shape[1]]
        return self.action_decoder(self.model(h, t, context))
