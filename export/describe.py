"""Plain facts about a checkpoint."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.checkpoint import Checkpoint, load_checkpoint

PARTS = {
    "vision_encoder": "vision encoder",
    "vl_self_attention_model": "mixer",
    "model": "denoiser",
    "action_encoder": "action encoder",
    "action_decoder": "action decoder",
    "position_embedding": "action positions",
    "game_embedding": "games",
}


@dataclass(frozen=True)
class Description:
    """A checkpoint's facts by name, and the parameters of its parts."""

    name: str
    facts: dict[str, str]
    parts: dict[str, int]


def describe(path: Path) -> Description:
    """Return a description of the checkpoint at ``path``; it is checked as for an export.

    :raises ngrt.errors.CheckpointError: it cannot be used
    """
    checkpoint = load_checkpoint(path)
    return Description(path.name, dict(_facts(checkpoint)), parameters_by_part(checkpoint))


def parameters_by_part(checkpoint: Checkpoint) -> dict[str, int]:
    """Return how many parameters each part of the model has."""
    counts: Counter[str] = Counter()
    for name, value in checkpoint.model.state_dict().items():
        counts[PARTS[name.partition(".")[0]]] += value.numel()
    return dict(counts)


def _facts(checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    config, model, tower = checkpoint.config, checkpoint.config.model, checkpoint.config.tower
    blocks = model.diffusion_model_cfg
    yield "parameters", f"{checkpoint.parameters:,} in {checkpoint.tensors} tensors"
    yield (
        "vision tower",
        (
            f"{model.vision_encoder_name}: {tower.num_hidden_layers} layers, width {tower.hidden_size}, "
            f"{tower.image_size} px, {tower.tokens} tokens a frame"
        ),
    )
    yield "denoiser", f"{blocks.num_layers} layers, width {blocks.width}, {model.num_inference_timesteps} steps"
    yield (
        "actions",
        (f"{model.action_horizon} rows of {model.action_dim}{' (old layout)' if config.tokenizer.old_layout else ''}"),
    )
    yield "context", f"{config.modality.frame_per_sample} frames, {config.tokenizer.max_sequence_length} tokens"
    yield "games", ", ".join(checkpoint.games) or ("names unknown" if config.game_rows else "no")
