"""What a policy takes and gives."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Base of the manifest's parts: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PolicySpec(Frozen):
    """What a policy takes and gives, as far as whoever plays with it must know; see `ngrt.interfaces.Policy`."""

    action_dim: Annotated[int, Field(ge=5, le=256)]
    action_horizon: Annotated[int, Field(ge=1, le=1024)]
    old_layout: bool = False
    """Sticks before buttons in the action columns."""
    context_frames: Annotated[int, Field(ge=1, le=64)] = 1
    frame_spacing: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Ticks of game time between two frames of a context."""
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    """Denoise steps where the caller does not choose."""
    games: dict[str, int] = {}
    """Known games and their rows in the embedding; empty where the names were not to be had. Row 0 is no game."""


class GraphSpec(PolicySpec):
    """What a bundle's graphs take and give beside that, resolved from the checkpoint's configuration."""

    image_size: Annotated[int, Field(ge=16, le=2048)]
    timestep_buckets: Annotated[int, Field(ge=1, le=100_000)] = 1000
    cross_layers: Annotated[int, Field(ge=1, le=256)]
    """Pairs of keys and values that observe hands to denoise."""
    game_token: bool = False
    """The context has a slot that names the game."""
