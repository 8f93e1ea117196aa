"""The checkpoint's configuration, validated, and the policy that it describes.

Unknown fields are ignored: they are training settings that change nothing here. A value that changes the mathematics in
a way that this export does not know is refused.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ngrt.policy.spec import GraphSpec

Count = Field(ge=1, le=100_000)
MAX_FRAMES = 64


class Part(BaseModel):
    """Base of the configuration's parts: immutable, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tower(Part):
    """Shape of the SigLIP vision tower, with the field names of its own ``config.json``."""

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
    """The files with the names of the games."""

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

    def policy(self, games: dict[str, int], context_frames: int | None) -> GraphSpec:
        """Return the inputs and outputs of a policy with this configuration."""
        return GraphSpec(
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
