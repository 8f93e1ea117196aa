"""Small exported checkpoints, one for each thing a configuration can say; each exported once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import export.run
from export.checkpoint import Checkpoint, load_checkpoint
from export.run import export_checkpoint
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.policy.bundle import Graph, GraphName, Precision, read_manifest
from tests.sharing import once

from .making import Changes, write_small


@dataclass(frozen=True)
class Variant:
    """A checkpoint's file and how it is exported."""

    path: Path
    precision: Precision = "fp32"

    @property
    def raw(self) -> dict[str, Any]:
        """Its ``ckpt_config``."""
        return self.checkpoint.raw_config

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The torch model."""
        return load_checkpoint(self.path)

    @cached_property
    def bundle(self) -> Path:
        """The exported engine."""
        return exported(self)

    @cached_property
    def policy(self) -> EnginePolicy:
        """The exported engine, loaded."""
        return open_policy(self.bundle)


@once
def exported(variant: Variant) -> Path:
    """Export the variant; return the bundle's folder."""
    folder = variant.path.parent / "bundle"
    export_checkpoint(str(variant.path), folder, precision=variant.precision)
    return folder


OLD = "old layout, 21 columns, horizon 7, 4 steps, no self-attention"
FIXED = "sinusoidal positions, affine norms, tower of 40 pixels in patches of 16"
GAMES_AND_CONTEXT = "games, two frames, padding, no biases, no action positions, two embodiments"
NO_BIAS = {"attention_bias": False}

CHANGES: dict[str, tuple[Changes, Changes]] = {
    "plain": ({}, {}),
    OLD: (
        {
            "model_cfg": {
                "action_dim": 21,
                "action_horizon": 7,
                "num_inference_timesteps": 4,
                "diffusion_model_cfg": {"interleave_self_attention": False},
            },
            "tokenizer_cfg": {"old_layout": True},
        },
        {},
    ),
    FIXED: (
        {
            "model_cfg": {
                "diffusion_model_cfg": {"positional_embeddings": "sinusoidal", "norm_elementwise_affine": True},
                "vl_self_attention_cfg": {"positional_embeddings": "sinusoidal"},
            }
        },
        {"image_size": 40},
    ),
    GAMES_AND_CONTEXT: (
        {
            "model_cfg": {
                "diffusion_model_cfg": NO_BIAS,
                "vl_self_attention_cfg": NO_BIAS,
                "add_pos_embed": False,
                "max_num_embodiments": 2,
            },
            "modality_cfg": {"frame_per_sample": 2},
            "tokenizer_cfg": {"max_sequence_length": 12},
        },
        {},
    ),
}
"""Laid over the small configuration and its tower; as few exports as can tell what each field does."""

GAMES = ("hades", "celeste")


@pytest.fixture(scope="session")
def variant_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Variant]:
    """Return a function from a name in `CHANGES` to its checkpoint and engine; not to be changed."""

    @once
    def make(name: str) -> Variant:
        changes, tower = CHANGES[name]
        games = GAMES if name == GAMES_AND_CONTEXT else ()
        return Variant(write_small(tmp_path_factory.mktemp("variant"), changes, tower, games))

    return make


@pytest.fixture(scope="session")
def small(variant_of: Callable[[str], Variant]) -> Variant:
    """Return the plain small checkpoint and its engine; not to be changed."""
    return variant_of("plain")


@pytest.fixture
def ready_made(small: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the graphs of the small engine where an export would write them: milliseconds, not seconds."""
    manifest = read_manifest(small.bundle)

    def copied(name: GraphName, model: object, precision: Precision, folder: Path, data_limit: int) -> Graph:
        (folder / f"{name}.onnx").write_bytes((small.bundle / f"{name}.onnx").read_bytes())
        return manifest.graphs[name]

    monkeypatch.setattr(export.build, "write_graph", copied)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where a bundle is to be written."""
    return tmp_path / "bundle"
