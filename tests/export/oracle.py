"""NitroGen's mathematics once more, in float64 numpy straight from its description: what the torch model must equal."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


class Oracle:
    """Computes a policy from its state dict ``w``, its ``ckpt_config`` and its tower's heads, patch and layers."""

    def __init__(self, w: Mapping[str, Values], raw: dict[str, Any], tower: dict[str, int]) -> None:
        self.w, self.tower = w, tower
        self.model, self.tokens = raw["model_cfg"], raw["tokenizer_cfg"]

    def context(self, frames: npt.NDArray[np.uint8], game: int | None) -> Values:
        """(F, S, S, 3) -> (L, Dv). ``game``: None for a policy without games, -1 for an empty slot."""
        parts = [self.features(frame) for frame in frames]
        if game is not None:
            row = self.w["game_embedding.weight"][max(game, 0)][None]
            parts.insert(0, row if game >= 0 else np.zeros_like(row))
        h = np.concatenate(parts)
        h = np.concatenate([np.zeros((self.tokens["max_sequence_length"] - len(h), h.shape[1])), h])
        config = self.model["vl_self_attention_cfg"]
        for i in range(config["num_layers"]):
            name = f"vl_self_attention_model.transformer_blocks.{i}"
            n = self.positioned(norm(h) * self.w[f"{name}.norm1.weight"] + self.w[f"{name}.norm1.bias"], name)
            h = h + self.attention(name, n, n, config["num_attention_heads"])
            n = norm(h) * self.w[f"{name}.norm3.weight"] + self.w[f"{name}.norm3.bias"]
            h = h + self.linear(f"{name}.ff.net.2", gelu(self.linear(f"{name}.ff.net.0.proj", n)))
        return h

    def features(self, frame: npt.NDArray[np.uint8]) -> Values:
        """(S, S, 3) -> (P, Dv)."""
        patch, side = self.tower["patch_size"], len(frame) // self.tower["patch_size"]
        kernel = self.w["vision_encoder.embeddings.patch_embedding.weight"]
        pixels = (frame / 255 - 0.5) / 0.5
        rows = []
        for y in range(side):
            for x in range(side):
                piece = pixels[y * patch : (y + 1) * patch, x * patch : (x + 1) * patch]
                rows.append(np.einsum("hwc,dchw->d", piece, kernel))
        h = np.stack(rows) + self.w["vision_encoder.embeddings.patch_embedding.bias"]
        h = h + self.w["vision_encoder.embeddings.position_embedding.weight"]
        for i in range(self.tower["num_hidden_layers"]):
            name = f"vision_encoder.encoder.layers.{i}"
            n = self.normed(f"{name}.layer_norm1", h)
            q, k, v = (self.linear(f"{name}.self_attn.{part}_proj", n) for part in "qkv")
            h = h + self.linear(f"{name}.self_attn.out_proj", attend(q, k, v, self.tower["num_attention_heads"]))
            n = self.normed(f"{name}.layer_norm2", h)
            h = h + self.linear(f"{name}.mlp.fc2", gelu(self.linear(f"{name}.mlp.fc1", n)))
        return self.normed("vision_encoder.post_layernorm", h)

    def velocity(self, x: Values, t: int, context: Values) -> Values:
        """(H, A) -> (H, A)."""
        config, width = self.model["diffusion_model_cfg"], self.model["hidden_size"]
        a = self.first_embodiment("action_encoder.W1", x)
        angles = t * np.exp(-np.arange(width // 2) * math.log(10000) / (width // 2))
        tau = np.tile(np.concatenate([np.sin(angles), np.cos(angles)]), (len(x), 1))
        u = self.first_embodiment("action_encoder.W2", np.concatenate([a, tau], 1))
        h = self.first_embodiment("action_encoder.W3", swish(u))
        if self.model["add_pos_embed"]:
            h = h + self.w["position_embedding.weight"][: len(h)]
        angles = t * np.exp(-np.arange(128) * math.log(10000) / 127)
        embedder = "model.timestep_encoder.timestep_embedder"
        temb = self.linear(f"{embedder}.linear_1", np.concatenate([np.cos(angles), np.sin(angles)]))
        temb = swish(self.linear(f"{embedder}.linear_2", swish(temb)))
        for i in range(config["num_layers"]):
            h = self.block(h, temb, context, i)
        shift, scale = np.split(self.linear("model.proj_out_1", temb), 2)
        h = self.linear("model.proj_out_2", norm(h, 1e-6) * (1 + scale) + shift)
        h = np.maximum(self.first_embodiment("action_decoder.layer1", h), 0)
        return self.first_embodiment("action_decoder.layer2", h)

    def block(self, h: Values, temb: Values, context: Values, number: int) -> Values:
        """One block of the denoiser."""
        name, config = f"model.transformer_blocks.{number}", self.model["diffusion_model_cfg"]
        scale, shift = np.split(self.linear(f"{name}.norm1.linear", temb), 2)
        n = self.positioned(norm(h) * (1 + scale) + shift, name)
        crosses = number % 2 == 0 or not config["interleave_self_attention"]
        h = h + self.attention(name, n, context if crosses else n, config["num_attention_heads"])
        n = self.normed(f"{name}.norm3", h, 1e-5) if config["norm_elementwise_affine"] else norm(h)
        return h + self.linear(f"{name}.ff.net.2", gelu(self.linear(f"{name}.ff.net.0.proj", n)))

    def actions(self, noise: Values, contexts: list[Values], guidance: float) -> Values:
        """(H, A) -> (H, A). One context, or under guidance two: guided, unguided."""
        steps, x = self.model["num_inference_timesteps"], noise
        for step in range(steps):
            t = int(step / steps * self.model["num_timestep_buckets"])
            v = self.velocity(x, t, contexts[0])
            if len(contexts) == 2:
                v = v + guidance * (v - self.velocity(x, t, contexts[1]))
            x = x + v / steps
        return x

    def attention(self, name: str, n: Values, context: Values, heads: int) -> Values:
        """Attention of a mixer's or a denoiser's block."""
        q = self.linear(f"{name}.attn1.to_q", n)
        k, v = self.linear(f"{name}.attn1.to_k", context), self.linear(f"{name}.attn1.to_v", context)
        return self.linear(f"{name}.attn1.to_out.0", attend(q, k, v, heads))

    def linear(self, name: str, x: Values) -> Values:
        """x W' + b; no b where there is none."""
        return np.asarray(x @ self.w[f"{name}.weight"].T + self.w.get(f"{name}.bias", 0.0))

    def first_embodiment(self, name: str, x: Values) -> Values:
        """x W + b with embodiment 0's."""
        return np.asarray(x @ self.w[f"{name}.W"][0] + self.w[f"{name}.b"][0])

    def normed(self, name: str, h: Values, eps: float = 1e-6) -> Values:
        """LayerNorm with scale and shift of its own."""
        return norm(h, eps) * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def positioned(self, n: Values, name: str) -> Values:
        """Add the fixed positions where the block has them."""
        table = self.w.get(f"{name}.pos_embed.pe")
        return n if table is None else n + table[0, : len(n)]


def norm(h: Values, eps: float = 1e-5) -> Values:
    """LayerNorm without scale and shift."""
    return np.asarray((h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + eps))


def gelu(x: Values) -> Values:
    """GELU, tanh form."""
    return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


def swish(x: Values) -> Values:
    """x sigmoid(x), also called SiLU."""
    return np.asarray(x / (1 + np.exp(-x)))


def attend(q: Values, k: Values, v: Values, heads: int) -> Values:
    """softmax(q k' / sqrt(head width)) v, head by head."""
    parts = []
    for q1, k1, v1 in zip(*(np.split(part, heads, -1) for part in (q, k, v)), strict=True):
        scores = q1 @ k1.T / math.sqrt(q1.shape[1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        parts.append(shares / shares.sum(-1, keepdims=True) @ v1)
    return np.concatenate(parts, -1)
