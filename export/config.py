"""The checkpoint's configuration, validated, and the policy it describes.

Unknown fields are ignored: checkpoints carry training settings that change nothing here. A value that would change the
mathematics in a way this export does not know is refused.
"""

import json
import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ngrt.errors import CheckpointError
from ngrt.policy.actions import BUTTON_NAMES
from ngrt.policy.spec import PolicySpec

Count = Field(ge=1, le=100_000)
MAX_FRAMES = 64
TOWER_FILE_LIMIT = 2**20
"""Bytes of a tower's config.json."""

HUB_TOWER = re.compile(r"google/siglip2?-(?P<size>base|large|so400m)-patch(?P<patch>14|16|32)-(?P<side>\d{3})")
HUB_SHAPES = {
    "base": (768, 3072, 12, 12),
    "large": (1024, 4096, 24, 16),
    "so400m": (1152, 4304, 27, 16),
}
"""Width, MLP width, layers and heads of the published towers."""


class Part(BaseModel):
    """Base of the configuration's parts: immutable, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tower(Part):
    """Shape of the SigLIP vision tower; field names as in its own ``config.json``."""

    hidden_size: int = Count
    intermediate_size: int = Count
    num_hidden_layers: int = Field(ge=1, le=256)
    num_attention_heads: int = Count
    image_size: int = Field(ge=16, le=2048)
    patch_size: int = Field(ge=1, le=256)
    num_channels: Literal[3] = 3
    hidden_act: Literal["gelu_pytorch_tanh"] = "gelu_pytorch_tanh"
    layer_norm_eps: float = Field(default=1e-6, gt=0, lt=1)

    @property
    def tokens(self) -> int:
        """Tokens a frame."""
        return (self.image_size // self.patch_size) ** 2


class Blocks(Part):
    """A stack of attention blocks: the mixer, or the denoiser."""

    num_attention_heads: int = Count
    attention_head_dim: int = Count
    num_layers: int = Field(ge=1, le=256)
    attention_bias: bool = True
    activation_fn: Literal["gelu-approximate"] = "gelu-approximate"
    max_num_positional_embeddings: int = Count
    positional_embeddings: Literal["sinusoidal"] | None = None

    @property
    def width(self) -> int:
        """Heads times head width."""
        return self.num_attention_heads * self.attention_head_dim


class Denoiser(Blocks):
    """The DiT."""

    output_dim: int = Count
    norm_type: Literal["ada_norm"] = "ada_norm"
    norm_elementwise_affine: bool = False
    norm_eps: float = Field(default=1e-5, gt=0, lt=1)
    interleave_self_attention: bool = True
    cross_attention_dim: int = Count

    @property
    def cross_layers(self) -> tuple[int, ...]:
        """Indices of the blocks that attend to the context; the others attend to themselves."""
        return tuple(i for i in range(self.num_layers) if i % 2 == 0 or not self.interleave_self_attention)


class ModelConfig(Part):
    """``model_cfg``."""

    add_pos_embed: bool = True
    diffusion_model_cfg: Denoiser
    vl_self_attention_cfg: Blocks
    hidden_size: int = Count
    max_seq_len: int = Count
    action_dim: int = Count
    action_horizon: int = Field(ge=1, le=1024)
    num_timestep_buckets: int = Count
    num_inference_timesteps: int = Field(ge=1, le=1000)
    max_num_embodiments: int = Count
    vision_encoder_name: str
    vision_hidden_size: int = Count
    add_view_embed: Literal[False] = False


class Mapping(Part):
    """Where the names of the games are."""

    src_files: tuple[str, ...] = ()


class TokenizerConfig(Part):
    """``tokenizer_cfg``."""

    num_visual_tokens_per_frame: int = Count
    max_sequence_length: int = Count
    game_mapping_cfg: Mapping | None = None
    old_layout: bool = False


class ModalityConfig(Part):
    """``modality_cfg``."""

    frame_per_sample: int = Field(default=1, ge=1, le=MAX_FRAMES)
    frame_spacing: int = Field(default=1, ge=1, le=10_000)


class Config(Part):
    """A whole ``ckpt_config``, with its vision tower and the rows of its game embedding (0: none)."""

    model: ModelConfig
    tokenizer: TokenizerConfig
    modality: ModalityConfig
    tower: Tower
    game_rows: int = 0

    def policy(self, games: dict[str, int], context_frames: int | None) -> PolicySpec:
        """Return what a policy of this configuration takes and gives."""
        return PolicySpec(
            action_dim=self.model.action_dim,
            action_horizon=self.model.action_horizon,
            old_layout=self.tokenizer.old_layout,
            image_size=self.tower.image_size,
            context_frames=context_frames or self.modality.frame_per_sample,
            frame_spacing=self.modality.frame_spacing,
            steps=self.model.num_inference_timesteps,
            timestep_buckets=self.model.num_timestep_buckets,
            cross_layers=len(self.model.diffusion_model_cfg.cross_layers),
            game_token=self.game_rows > 0,
            games=games,
        )


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
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or error.title
        raise CheckpointError(
            f"configuration of the checkpoint: {where} is {short(first['input'])}: {first['msg']}",
            remedy="not exportable",
        ) from error
    _check_widths(config)
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
        raw = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror})", remedy="allow it, or restore the file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON ({error})", remedy="restore it") from error
    # a full SigLIP configuration keeps the tower's part apart
    return Tower.model_validate(raw.get("vision_config", raw) if isinstance(raw, dict) else raw)


def _check_widths(config: Config) -> None:
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
                f"configuration of the checkpoint: {name} is {found}, {other} is {wanted}", remedy="not exportable"
            )
    if config.tower.hidden_size % config.tower.num_attention_heads:
        raise CheckpointError(
            f"tower width {config.tower.hidden_size} does not divide by {config.tower.num_attention_heads} heads"
        )
    if model.hidden_size % 2:
        raise CheckpointError(
            f"hidden_size is {model.hidden_size}",
            value=model.hidden_size,
            limit="it must be even",
            remedy="not exportable",
        )
    if model.action_dim not in BUTTON_NAMES:
        known = " or ".join(map(str, sorted(BUTTON_NAMES)))
        raise CheckpointError(
            f"action_dim is {model.action_dim}",
            value=model.action_dim,
            limit=f"known column layouts have {known}",
            remedy="not exportable",
        )
    limits = [("max_seq_len", model.max_seq_len)] if model.add_pos_embed else []
    if denoiser.positional_embeddings:
        limits.append(("max_num_positional_embeddings", denoiser.max_num_positional_embeddings))
    for name, limit in limits:
        if model.action_horizon > limit:
            raise CheckpointError(
                f"action_horizon is {model.action_horizon}",
                value=model.action_horizon,
                limit=f"{name} allows {limit}",
                remedy="not exportable",
            )
    length = config.tokenizer.max_sequence_length
    if mixer.positional_embeddings and length > mixer.max_num_positional_embeddings:
        raise CheckpointError(
            f"max_sequence_length is {length}",
            value=length,
            limit=f"the mixer's positions end at {mixer.max_num_positional_embeddings}",
        )


def _check_tokens(config: Config, frames: int) -> None:
    if not 1 <= frames <= MAX_FRAMES:
        raise CheckpointError(f"--context-frames is {frames}", value=frames, limit=f"it must be from 1 to {MAX_FRAMES}")
    needed = frames * config.tower.tokens + (config.game_rows > 0)
    limit = config.tokenizer.max_sequence_length
    if needed > limit:
        fit = (limit - (config.game_rows > 0)) // config.tower.tokens
        raise CheckpointError(
            f"{frames} frames make {needed} tokens; max_sequence_length is {limit}; use --context-frames {fit} or fewer"
            if fit
            else f"one frame makes {needed} tokens; max_sequence_length is {limit}; not exportable"
        )


def short(value: object) -> str:
    """Return a value from a file as one short line, whatever is in it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
