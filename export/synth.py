"""Checkpoints with random weights in NitroGen's layout, for tests and benchmarks without NitroGen's weights."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from export.model import NitroGen
from export.paths import check_free
from export.resolve import resolve
from ngrt.ending import at_once
from ngrt.errors import ExportError

Size = Literal["tiny", "released"]

TINY_TOWER = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 256,
    "patch_size": 16,
}


@dataclass(frozen=True)
class Synthetic:
    """The size of the checkpoint that was written."""

    parameters: int
    tensors: int


def synth(size: Size, seed: int, out: Path) -> Synthetic:
    """Write a checkpoint of ``size`` with weights drawn from ``seed`` to ``out``.

    The tiny size has a tower of its own; the tower's folder is written beside the checkpoint.

    :raises ExportError: ``out`` exists or cannot be written
    """
    check_free(out)
    raw = configuration(size)
    towers = {raw["model_cfg"]["vision_encoder_name"]: json.dumps(TINY_TOWER, indent=1)} if size == "tiny" else {}
    for name, text in towers.items():
        _check_tower(out.parent / name, text)
    try:
        with (
            tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder,
            at_once(partial(shutil.rmtree, folder, ignore_errors=True)),
        ):
            work = Path(folder)
            for name, text in towers.items():
                (work / name).mkdir()
                (work / name / "config.json").write_text(text, "utf-8")
            tensors = random_weights(raw, seed, work)
            torch.save({"model": tensors, "ckpt_config": raw}, work / out.name)
            for name in towers:
                if not (out.parent / name).exists():
                    (work / name).rename(out.parent / name)
            (work / out.name).rename(out)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ExportError(f"cannot write {out}: {reason}", remedy="free space or choose another --out") from error
    return Synthetic(sum(value.numel() for value in tensors.values()), len(tensors))


def _check_tower(folder: Path, text: str) -> None:
    """Check that ``folder``, if it exists, has the tower that would be written.

    :raises ExportError: it belongs to something else
    """
    path = folder / "config.json"
    if folder.exists() and (not path.is_file() or path.read_text("utf-8", "replace") != text):
        raise ExportError(f"{folder} belongs to another checkpoint", remedy="choose another folder for --out")


def random_weights(raw: dict[str, Any], seed: int, folder: Path) -> dict[str, Tensor]:
    """Return weights for ``raw`` that keep activations near one: norms near one, maps scaled by their inputs."""
    with torch.device("meta"):
        shapes = NitroGen(resolve(raw, 0, folder)).state_dict()
    random = torch.Generator().manual_seed(seed)
    return {name: _draw(name, tuple(value.shape), random) for name, value in shapes.items()}


def _draw(name: str, shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    is_norm = "norm" in name and "linear" not in name
    noise = torch.randn(shape, generator=random)
    if name.endswith(("bias", ".b")):
        return 0.02 * noise
    if is_norm:
        return 1 + 0.02 * noise
    if name.endswith(".W"):
        return noise * float(shape[1] ** -0.5)  # stored (embodiment, in, out)
    if ("embedding.weight" in name and len(shape) == 2) or name.endswith("probe"):
        return 0.1 * noise
    return noise * float(noise[0].numel() ** -0.5)


def configuration(size: Size) -> dict[str, Any]:
    """Return the ``ckpt_config`` of a size, in the released checkpoint's own fields."""
    tiny = size == "tiny"
    mixer = _blocks(heads=4 if tiny else 16, width=8 if tiny else 64, layers=2 if tiny else 4)
    denoiser = _blocks(heads=3 if tiny else 16, width=16 if tiny else 64, layers=4 if tiny else 8) | {
        "output_dim": 48 if tiny else 1024,
        "norm_type": "ada_norm",
        "norm_elementwise_affine": False,
        "norm_eps": 1e-5,
        "interleave_self_attention": True,
        "cross_attention_dim": 32 if tiny else 1024,
    }
    return {
        "experiment_name": f"synthetic-{size}",
        "model_cfg": {
            "model_type": "nitrogen",
            "add_pos_embed": True,
            "model_dtype": "float32",
            "diffusion_model_cfg": denoiser,
            "vl_self_attention_cfg": mixer,
            "hidden_size": 48 if tiny else 1024,
            "max_seq_len": 64 if tiny else 1024,
            "action_dim": 25,
            "action_horizon": 18,
            "num_timestep_buckets": 1000,
            "num_inference_timesteps": 16,
            "max_num_embodiments": 1,
            "vision_encoder_name": "siglip-tiny" if tiny else "google/siglip2-large-patch16-256",
            "vision_hidden_size": 32 if tiny else 1024,
            "add_view_embed": False,
        },
        "tokenizer_cfg": {
            "num_visual_tokens_per_frame": 256,
            "max_action_dim": 25,
            "max_sequence_length": 256,
            "action_horizon": 18,
            "game_mapping_cfg": None,
            "old_layout": False,
        },
        "modality_cfg": {"frame_per_sample": 1, "frame_spacing": 18, "action_per_chunk": 18, "action_shift": 3},
    }


def _blocks(heads: int, width: int, layers: int) -> dict[str, Any]:
    return {
        "num_attention_heads": heads,
        "attention_head_dim": width,
        "num_layers": layers,
        "attention_bias": True,
        "activation_fn": "gelu-approximate",
        "max_num_positional_embeddings": 512,
        "positional_embeddings": None,
    }
