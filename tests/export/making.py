"""Small checkpoints with random weights, and the pictures and noise to run them on."""

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from export.model import NitroGen, SinusoidalPositions
from export.synth import configuration, random_weights
from ngrt.messages import Array, Image

from .oracle import Oracle

TOWER = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
}
BLOCKS = {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 1, "max_num_positional_embeddings": 40}
SMALL: dict[str, Any] = {
    "model_cfg": {
        "diffusion_model_cfg": BLOCKS
        | {"attention_head_dim": 12, "num_layers": 2, "output_dim": 20, "cross_attention_dim": 16},
        "vl_self_attention_cfg": BLOCKS,
        "hidden_size": 24,
        "max_seq_len": 32,
        "action_horizon": 5,
        "num_inference_timesteps": 3,
        "vision_encoder_name": "siglip-small",
        "vision_hidden_size": 16,
    },
    "tokenizer_cfg": {"num_visual_tokens_per_frame": 4, "max_sequence_length": 4},
}
"""What makes the tiny configuration smaller still: a second or two to export."""

Changes = dict[str, Any]


def small_config(changes: Changes | None = None) -> dict[str, Any]:
    """Return a ``ckpt_config`` of a model small enough to export in seconds, with ``changes`` laid over it."""
    return merged(merged(configuration("tiny"), SMALL), changes or {})


def merged(base: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """Return ``base`` with ``changes`` laid over it, mapping by mapping."""
    result = deepcopy(base)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else deepcopy(value)
    return result


def small_weights(raw: dict[str, Any], folder: Path, games: int = 0, seed: int = 5) -> dict[str, torch.Tensor]:
    """Return random weights for ``raw``; fixed tables of positions are what they must be."""
    tensors = random_weights(raw, seed, folder)
    for name in (name for name in tensors if name.endswith("pos_embed.pe")):
        tensors[name] = SinusoidalPositions(tensors[name].shape[2], tensors[name].shape[1]).pe
    if games:
        random = torch.Generator().manual_seed(seed)
        tensors["game_embedding.weight"] = torch.randn(games, raw["model_cfg"]["vision_hidden_size"], generator=random)
    return tensors


def write_small(
    folder: Path, changes: Changes | None = None, tower: Changes | None = None, games: tuple[str, ...] = ()
) -> Path:
    """Write a small checkpoint, its tower and its games' names into ``folder``; return the checkpoint's path."""
    raw = small_config(changes)
    write_tower(folder, tower)
    if games:
        raw["tokenizer_cfg"]["game_mapping_cfg"] = {"src_files": ["/training/games.parquet"]}
        pq.write_table(pa.table({"game_label": list(games)}), folder / "games.parquet")
    weights = small_weights(raw, folder, len(games) + 1 if games else 0)
    return save(folder / "small.pt", raw, weights)


def write_tower(folder: Path, changes: Changes | None = None) -> None:
    """Write the small tower's configuration into ``folder``."""
    (folder / "siglip-small").mkdir(exist_ok=True)
    (folder / "siglip-small" / "config.json").write_text(json.dumps(TOWER | (changes or {})))


def save(path: Path, raw: object, tensors: object) -> Path:
    """Write a checkpoint file."""
    torch.save({"model": tensors, "ckpt_config": raw}, path)
    return path


def oracle_of(model: NitroGen, raw: dict[str, Any]) -> Oracle:
    """Return the oracle with the weights of ``model``."""
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    return Oracle(weights, raw, model.config.tower.model_dump())


@dataclass(frozen=True)
class Inputs:
    """What a chunk is made from: frames (F, 256, 256, 3), noise (H, A)."""

    frames: list[Image]
    noise: Array


def inputs(frames: int, horizon: int, columns: int, seed: int = 1) -> Inputs:
    """Return random frames and noise."""
    random = np.random.default_rng(seed)
    pictures: list[npt.NDArray[np.uint8]] = []
    for _ in range(frames):
        coarse = random.integers(0, 256, (16, 16, 3), np.uint8)
        pictures.append(coarse.repeat(16, 0).repeat(16, 1))
    return Inputs(pictures, random.standard_normal((horizon, columns), np.float32))
