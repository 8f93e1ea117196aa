"""From a checkpoint's raw configuration to a checked one. A configuration that cannot be exported is refused here."""

import os
import re
from pathlib import Path

from pydantic import ValidationError

from export.config import MAX_FRAMES, Config, ModalityConfig, ModelConfig, TokenizerConfig, Tower
from ngrt.errors import CheckpointError
from ngrt.policy.actions import BUTTON_NAMES
from ngrt.reading import first_fault, parse_json, read_whole
from ngrt.text import one_line, short

HOPELESS = "not exportable"


TOWER_FILE_LIMIT = 2**20
"""Bytes of a tower's config.json."""

MOST_TOWER_VALUES = 10_000


HUB_TOWER = re.compile(r"google/siglip2?-(?P<size>base|large|so400m)-patch(?P<patch>14|16|32)-(?P<side>\d{3})")


HUB_SHAPES = {
    "base": (768, 3072, 12, 12),
    "large": (1024, 4096, 24, 16),
    "so400m": (1152, 4304, 27, 16),
}
"""Width, MLP width, layers and heads of the published towers."""


def resolve(raw: object, game_rows: int, folder: Path, context_frames: int | None = None) -> Config:
    """Return the checked configuration of a checkpoint that lies in ``folder``.

    :raises CheckpointError: it is not a NitroGen configuration, or one that cannot be exported
    """
    if not isinstance(raw, dict):
        raise CheckpointError(
            f"ckpt_config is {type(raw).__name__}",
            value=type(raw).__name__,
            limit="it must be a mapping",
            remedy="is this NitroGen's checkpoint?",
        )
    try:
        model = ModelConfig.model_validate(raw.get("model_cfg"))
        config = Config(
            model=model,
            tokenizer=TokenizerConfig.model_validate(raw.get("tokenizer_cfg")),
            modality=ModalityConfig.model_validate(raw.get("modality_cfg") or {}),
            tower=find_tower(model.vision_encoder_name, folder),
            game_rows=game_rows,
        )
    except ValidationError as error:
        where, what, found = first_fault(error)
        raise CheckpointError(
            f"configuration of the checkpoint: {where or error.title} is {found}: {what}", remedy=HOPELESS
        ) from error
    _check_widths(config)
    _check_lengths(config)
    _check_tokens(config, config.modality.frame_per_sample if context_frames is None else context_frames)
    return config


def find_tower(name: str, folder: Path) -> Tower:
    """Return the shape of the vision tower called ``name``: a hub name, or a folder beside the checkpoint.

    :raises CheckpointError: it is neither
    """
    if hub := HUB_TOWER.fullmatch(name):
        width, inner, layers, heads = HUB_SHAPES[hub["size"]]
        return Tower(
            hidden_size=width,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            image_size=int(hub["side"]),
            patch_size=int(hub["patch"]),
        )
    path = folder / name / "config.json"
    if name in {"", ".."} or Path(name).name != name or not os.path.isfile(path):
        raise CheckpointError(
            (
                f"vision tower {short(name)} is not known: neither "
                "google/siglip[2]-(base|large|so400m)-patchN-SIDE nor a folder with a "
                "config.json beside the checkpoint"
            ),
            remedy="put it there",
        )
    if (size := path.stat().st_size) > TOWER_FILE_LIMIT:
        raise CheckpointError(
            f"{path} has {size} bytes",
            value=size,
            limit=f"the limit is {TOWER_FILE_LIMIT}",
            remedy="is it a tower's configuration?",
        )
    try:
        raw = parse_json(read_whole(path, TOWER_FILE_LIMIT), MOST_TOWER_VALUES)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror})", remedy="allow it, or restore the file"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({one_line(error)})", remedy="restore it") from error
    # a full SigLIP configuration keeps the tower's part apart
    return Tower.model_validate(raw.get("vision_config", raw) if isinstance(raw, dict) else raw)


def _check_widths(config: Config) -> None:
    """Check that the widths of the parts fit each other.

    :raises CheckpointError: they do not
    """
    model, denoiser, mixer = config.model, config.model.diffusion_model_cfg, config.model.vl_self_attention_cfg
    pairs = [
        ("denoiser heads x head width", denoiser.width, "hidden_size", model.hidden_size),
        ("mixer heads x head width", mixer.width, "vision_hidden_size", model.vision_hidden_size),
        ("tower width", config.tower.hidden_size, "vision_hidden_size", model.vision_hidden_size),
        ("cross_attention_dim", denoiser.cross_attention_dim, "vision_hidden_size", model.vision_hidden_size),
        ("visual tokens a frame", config.tokenizer.num_visual_tokens_per_frame, "the tower's", config.tower.tokens),
    ]
    for name, found, other, wanted in pairs:
        if found != wanted:
            raise CheckpointError(
                f"configuration of the checkpoint: {name} is {found}, {other} is {wanted}", remedy=HOPELESS
            )
    if config.tower.hidden_size % config.tower.num_attention_heads:
        raise CheckpointError(
            f"tower width {config.tower.hidden_size} does not divide by {config.tower.num_attention_heads} heads"
        )
    if model.hidden_size % 2:
        raise _beyond("hidden_size", model.hidden_size, "it must be even")
    if model.action_dim not in BUTTON_NAMES:
        known = " or ".join(map(str, sorted(BUTTON_NAMES)))
        raise _beyond("action_dim", model.action_dim, f"known column layouts have {known}")


def _check_lengths(config: Config) -> None:
    """Check that sequences are no longer than their position tables.

    :raises CheckpointError: one is
    """
    model, denoiser, mixer = config.model, config.model.diffusion_model_cfg, config.model.vl_self_attention_cfg
    limits = [("max_seq_len", model.max_seq_len)] if model.add_pos_embed else []
    if denoiser.positional_embeddings:
        limits.append(("max_num_positional_embeddings", denoiser.max_num_positional_embeddings))
    for name, limit in limits:
        if model.action_horizon > limit:
            raise _beyond("action_horizon", model.action_horizon, f"{name} allows {limit}")
    length, most = config.tokenizer.max_sequence_length, mixer.max_num_positional_embeddings
    if mixer.positional_embeddings and length > most:
        raise CheckpointError(
            f"max_sequence_length is {length}", value=length, limit=f"the mixer's positions end at {most}"
        )


def _beyond(name: str, value: int, limit: str) -> CheckpointError:
    return CheckpointError(f"{name} is {value}", value=value, limit=limit, remedy=HOPELESS)


def _check_tokens(config: Config, frames: int) -> None:
    if not 1 <= frames <= MAX_FRAMES:
        raise CheckpointError(f"--context-frames is {frames}", value=frames, limit=f"it must be from 1 to {MAX_FRAMES}")
    needed = frames * config.tower.tokens + (config.game_rows > 0)
    limit = config.tokenizer.max_sequence_length
    if needed > limit:
        fit = (limit - (config.game_rows > 0)) // config.tower.tokens
        raise CheckpointError(
            f"{frames} frames make {needed} tokens" if fit else f"one frame makes {needed} tokens",
            value=needed,
            limit=f"max_sequence_length is {limit}",
            remedy=f"use --context-frames {fit} or fewer" if fit else HOPELESS,
        )
