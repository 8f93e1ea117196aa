"""What a configuration can say: torch model and exported graphs against the oracle."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from export.model import SinusoidalPositions
from export.verify import sample
from ngrt.messages import Array
from ngrt.policy.preprocess import observation

from .conftest import CHANGES, GAMES_AND_CONTEXT, Variant
from .making import Inputs, inputs, oracle_of
from .oracle import Values

CASES = [(name, 1, 1.0, None) for name in CHANGES] + [
    ("plain", 1, 2.5, None),
    (GAMES_AND_CONTEXT, 2, 1.0, "hades"),
    (GAMES_AND_CONTEXT, 2, 1.5, "hades"),
    (GAMES_AND_CONTEXT, 1, 1.5, None),
]
VariantOf = Callable[[str], Variant]


def slots(variant: Variant, guidance: float, game: str | None) -> list[int | None]:
    """Return the game slot of each branch."""
    if not variant.checkpoint.games:
        return [None] if guidance == 1.0 else [None, None]
    return [variant.checkpoint.games[game] if game else 0] if guidance == 1.0 else [-1, -1]


def wanted(variant: Variant, given: Inputs, guidance: float, game: str | None) -> tuple[list[Values], Values]:
    """Return the oracle's contexts, one a branch, and its actions."""
    oracle = oracle_of(variant.checkpoint.model, variant.raw)
    frames = observation(given.frames, variant.checkpoint.config.tower.image_size)[0]
    branches = zip((frames, frames[-1:]), slots(variant, guidance, game), strict=False)
    contexts = [oracle.context(seen, slot) for seen, slot in branches]
    return contexts, oracle.actions(given.noise.astype(np.float64), contexts, guidance)


def given_for(variant: Variant, frames: int) -> Inputs:
    model = variant.checkpoint.config.model
    return inputs(frames, model.action_horizon, model.action_dim)


@pytest.mark.parametrize(("name", "frames", "guidance", "game"), CASES)
def test_the_torch_model_computes_what_the_description_says(
    variant_of: VariantOf, name: str, frames: int, guidance: float, game: str | None
) -> None:
    variant = variant_of(name)
    given = given_for(variant, frames)
    contexts, actions = wanted(variant, given, guidance, game)
    pictures = torch.from_numpy(observation(given.frames, variant.checkpoint.config.tower.image_size))
    found = []
    for seen, slot in zip((pictures, pictures[:, -1:]), slots(variant, guidance, game), strict=False):
        found.append(variant.checkpoint.model.encode(seen, None if slot is None else torch.tensor([slot])))
    for context, expected in zip(found, contexts, strict=True):
        np.testing.assert_allclose(context[0], expected, rtol=0, atol=2e-5)
    steps = variant.checkpoint.config.model.num_inference_timesteps
    result = sample(variant.checkpoint.model, torch.cat(found), torch.from_numpy(given.noise)[None], steps, guidance)
    np.testing.assert_allclose(result[0], actions, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("name", "frames", "guidance", "game"), CASES)
def test_the_exported_graphs_compute_what_the_description_says(
    variant_of: VariantOf, name: str, frames: int, guidance: float, game: str | None
) -> None:
    variant = variant_of(name)
    given = given_for(variant, frames)
    contexts, actions = wanted(variant, given, guidance, game)
    observed = variant.policy.observe(given.frames, guidance, game)
    np.testing.assert_allclose(observed.context, np.stack(contexts), rtol=0, atol=1e-4)
    found = variant.policy.predict(given.frames, given.noise, guidance=guidance, game=game).actions
    assert found.shape == given.noise.shape
    np.testing.assert_allclose(found, actions, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", CHANGES)
def test_the_manifest_says_what_the_configuration_says(variant_of: VariantOf, name: str) -> None:
    variant = variant_of(name)
    spec, model = variant.policy.spec, variant.raw["model_cfg"]
    assert (spec.action_dim, spec.action_horizon) == (model["action_dim"], model["action_horizon"])
    assert spec.steps == model["num_inference_timesteps"]
    assert spec.old_layout == variant.raw["tokenizer_cfg"]["old_layout"]
    assert spec.context_frames == variant.raw["modality_cfg"]["frame_per_sample"]
    assert spec.games == ({"celeste": 1, "hades": 2} if name == GAMES_AND_CONTEXT else {})
    assert variant.policy.manifest.config == variant.raw
    assert variant.policy.manifest.parity.actions <= 1e-4
    graphs = variant.policy.manifest.graphs
    assert ("game" in [tensor.name for tensor in graphs["observe"].inputs]) == (name == GAMES_AND_CONTEXT)
    assert len(graphs["observe"].outputs) == 1 + 2 * spec.cross_layers


def test_other_numbers_of_steps_use_their_own_times(small: Variant) -> None:
    given = given_for(small, 1)
    oracle = oracle_of(
        small.checkpoint.model, small.raw | {"model_cfg": small.raw["model_cfg"] | {"num_inference_timesteps": 7}}
    )
    contexts, _ = wanted(small, given, 1.0, None)
    expected = oracle.actions(given.noise.astype(np.float64), contexts, 1.0)
    np.testing.assert_allclose(small.policy.predict(given.frames, given.noise, steps=7).actions, expected, atol=1e-4)


def test_fixed_positions_are_sines_and_cosines() -> None:
    table: Array = SinusoidalPositions(6, 9).pe.numpy()
    for p in range(9):
        for j in range(3):
            angle = p * np.exp(-2 * j * np.log(10000) / 6)
            assert table[0, p, 2 * j] == pytest.approx(np.sin(angle), abs=1e-6)
            assert table[0, p, 2 * j + 1] == pytest.approx(np.cos(angle), abs=1e-6)
