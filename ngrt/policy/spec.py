"""A policy's inputs and outputs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Base of the manifest's parts: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PolicySpec(Frozen):
    """The inputs and outputs of a policy, as far as a session needs to know them; see `ngrt.interfaces.Policy`."""

    action_dim: Annotated[int, Field(ge=5, le=256)]
    action_horizon: Annotated[int, Field(ge=1, le=1024)]
    old_layout: bool = False
    """Whether the sticks come before the buttons in the action columns."""
    context_frames: Annotated[int, Field(ge=1, le=64)] = 1
    frame_spacing: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Ticks of game time between two frames of a context."""
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    """Denoise steps unless the caller chooses."""
    games: dict[str, int] = {}
    """Names of games and their rows in the embedding, row 0 for no game; empty if the names are unknown."""


class GraphSpec(PolicySpec):
    """The inputs and outputs of a bundle's graphs, from the checkpoint's configuration."""

    image_size: Annotated[int, Field(ge=16, le=2048)]
    timestep_buckets: Annotated[int, Field(ge=1, le=100_000)] = 1000
    cross_layers: Annotated[int, Field(ge=1, le=256)]
    """Pairs of keys and values that observe hands to denoise."""
    game_token: bool = False
    """Whether the context has a slot for the game."""
