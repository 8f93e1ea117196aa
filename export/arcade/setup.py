"""The arcade policy's configuration, in NitroGen's own fields, and its weights before training."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.config import Tower
from export.model import AdaptiveNorm, EmbodimentLinear, NitroGen
from ngrt.arcade.controls import COLUMNS
from ngrt.arcade.expert import HORIZON

TOWER_NAME = "siglip-arcade"
WIDTH, HEAD = 128, 32
SIDE = 96
"""Pixels a side of the picture: the fewest at which a person still sees every event; they make 36 tokens."""

TOWER = {
    "model_type": "siglip_vision_model",
    "hidden_size": WIDTH,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": WIDTH // HEAD,
    "image_size": SIDE,
    "patch_size": 16,
}
TOKENS = Tower.model_validate(TOWER).tokens
DENOISE_STEPS = 4


def configuration() -> dict[str, Any]:
    """Return the ``ckpt_config``."""
    denoiser = _blocks(4) | {
        "output_dim": WIDTH,
        "norm_type": "ada_norm",
        "norm_elementwise_affine": False,
        "norm_eps": 1e-5,
        "interleave_self_attention": True,
        "cross_attention_dim": WIDTH,
    }
    return {
        "experiment_name": "arcade",
        "model_cfg": {
            "model_type": "nitrogen",
            "add_pos_embed": True,
            "model_dtype": "float32",
            "diffusion_model_cfg": denoiser,
            "vl_self_attention_cfg": _blocks(2),
            "hidden_size": WIDTH,
            "max_seq_len": HORIZON,
            "action_dim": COLUMNS,
            "action_horizon": HORIZON,
            "num_timestep_buckets": 1000,
            "num_inference_timesteps": DENOISE_STEPS,
            "max_num_embodiments": 1,
            "vision_encoder_name": TOWER_NAME,
            "vision_hidden_size": WIDTH,
            "add_view_embed": False,
        },
        "tokenizer_cfg": {
            "num_visual_tokens_per_frame": TOKENS,
            "max_action_dim": COLUMNS,
            "max_sequence_length": TOKENS,
            "action_horizon": HORIZON,
            "game_mapping_cfg": None,
            "old_layout": False,
        },
        "modality_cfg": {"frame_per_sample": 1, "frame_spacing": 1, "action_per_chunk": HORIZON, "action_shift": 0},
    }


def _blocks(layers: int) -> dict[str, Any]:
    return {
        "num_attention_heads": WIDTH // HEAD,
        "attention_head_dim": HEAD,
        "num_layers": layers,
        "attention_bias": True,
        "activation_fn": "gelu-approximate",
        "max_num_positional_embeddings": 512,
        "positional_embeddings": None,
    }


def initialise(model: NitroGen) -> None:
    """Give a new model its first weights. Positions are sines and cosines: without them it did not learn places."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, EmbodimentLinear):
                nn.init.normal_(module.W, std=module.W.shape[1] ** -0.5)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
                nn.init.zeros_(module.bias)
        for module in model.modules():
            if isinstance(module, AdaptiveNorm):
                nn.init.normal_(module.linear.weight, std=0.02)
        nn.init.normal_(model.action_decoder.layer2.W, std=0.02)
        for parameter in model.vision_encoder.head.parameters():
            nn.init.zeros_(parameter)  # in the format, but never used
        embeddings = model.vision_encoder.embeddings.position_embedding.weight
        side = int(len(embeddings) ** 0.5)
        half = sines(side, WIDTH // 2)
        grid = torch.cat([half[:, None].expand(-1, side, -1), half[None].expand(side, -1, -1)], -1)
        embeddings.copy_(grid.reshape(embeddings.shape))
        if model.position_embedding is not None:
            model.position_embedding.weight.copy_(sines(HORIZON, WIDTH))


def sines(count: int, width: int) -> Tensor:
    """Return (count, width): for each position sines, then cosines, at falling frequencies."""
    waves = torch.tensor(np.geomspace(1, 1 / (2 * count), width // 2), dtype=torch.float32)
    angles = torch.arange(count)[:, None] * waves * (np.pi / 2)
    return torch.cat([angles.sin(), angles.cos()], -1)
