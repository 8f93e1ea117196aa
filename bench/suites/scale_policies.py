"""Small policies with random weights that differ in what a bundle fixes: the horizon, and the length of the context."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch

from export.run import export_checkpoint
from export.synth import configuration, random_weights

Fixed = Literal["horizon", "context_tokens"]

HORIZON, TOKENS = 18, 64
VARIED: dict[Fixed, tuple[int, ...]] = {"horizon": (9, 18, 36, 72), "context_tokens": (64, 128, 256)}
WIDTH = 256
TOWER = {
    "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "image_size": 128,
    "patch_size": 16,
}


def bundles(folder: Path) -> Iterator[tuple[Fixed, Path]]:
    """Export the policies into ``folder``, one after the other; yield what is varied, and the bundle."""
    made: dict[tuple[int, int], Path] = {}
    for what, values in VARIED.items():
        for value in values:
            shape = (value, TOKENS) if what == "horizon" else (HORIZON, value)
            if shape not in made:
                made[shape] = _export(folder, *shape)
            yield what, made[shape]


def _export(folder: Path, horizon: int, tokens: int) -> Path:
    raw = _configuration(horizon, tokens)
    tower = folder / raw["model_cfg"]["vision_encoder_name"]
    tower.mkdir(exist_ok=True)
    (tower / "config.json").write_text(json.dumps(TOWER), "utf-8")
    checkpoint, out = folder / "small.pt", folder / f"{horizon}-{tokens}"
    torch.save({"model": random_weights(raw, 0, folder), "ckpt_config": raw}, checkpoint)
    export_checkpoint(str(checkpoint), out)
    return out


def _configuration(horizon: int, tokens: int) -> dict[str, Any]:
    raw = configuration("tiny")
    model, blocks = raw["model_cfg"], {"num_attention_heads": 8, "attention_head_dim": WIDTH // 8}
    model["diffusion_model_cfg"] |= {**blocks, "num_layers": 2, "output_dim": WIDTH, "cross_attention_dim": WIDTH}
    model["vl_self_attention_cfg"] |= {**blocks, "num_layers": 1}
    model |= {"hidden_size": WIDTH, "vision_hidden_size": WIDTH, "action_horizon": horizon, "max_seq_len": 128}
    raw["tokenizer_cfg"] |= {"max_sequence_length": tokens, "num_visual_tokens_per_frame": 64}
    return raw
