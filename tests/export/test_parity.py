"""The recorded cases: what the reference computed, from the frames as they were captured."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from export.checkpoint import Checkpoint, load_checkpoint
from export.verify import sample
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Image
from ngrt.policy.preprocess import as_trained, observation, shrink
from tests.conftest import PARITY

NAMES = ("tiny", "tiny-context-cfg", "tiny-games")
TORCH, GRAPHS = 2e-5, 1e-4
BundleOf = Callable[[str], Path]


@cache
def recorded(name: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(PARITY / f"{name}.npz") as arrays:
        return dict(arrays)


@cache
def case(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PARITY / f"{name}.json").read_text())
    return loaded


@cache
def checkpoint(name: str) -> Checkpoint:
    return load_checkpoint(PARITY / f"{name}.pt", case(name)["context_length"])


@cache
def policy_in(folder: Path) -> EnginePolicy:
    return open_policy(folder)


def frames_of(name: str) -> list[Image]:
    return list(recorded(name)["frames_rgb"])


def torch_context(name: str) -> torch.Tensor:
    """Return the context of each branch, as the torch model has it of the captured frames."""
    model, frames = checkpoint(name).model, torch.from_numpy(observation(frames_of(name), 256))
    if case(name)["cfg_scale"] != 1.0:
        return torch.cat([model.encode(frames), model.encode(frames[:, -1:])])
    game = case(name)["game"]
    return model.encode(frames, torch.tensor([checkpoint(name).games[game]]) if game else None)


@pytest.mark.parametrize("name", NAMES)
def test_captured_frames_shrink_as_the_reference_shrinks_them(name: str) -> None:
    np.testing.assert_array_equal([as_trained(frame) for frame in frames_of(name)], recorded(name)["frames_256"])


@pytest.mark.parametrize("name", NAMES)
def test_frames_of_a_live_game_are_shrunk_within_1_of_that(name: str) -> None:
    shrunk = np.stack([shrink(frame) for frame in frames_of(name)]).astype(int)
    assert abs(shrunk - recorded(name)["frames_256"]).max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_torch_model_scales_pixels_and_sees_what_the_reference_sees(name: str) -> None:
    given: list[torch.Tensor] = []
    tower = checkpoint(name).model.vision_encoder
    hook = tower.register_forward_hook(lambda module, inputs, output: given.extend((inputs[0], output)))
    torch_context(name)
    hook.remove()
    np.testing.assert_allclose(given[0], recorded(name)["pixel_values"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(given[1], recorded(name)["vision_features"], rtol=0, atol=TORCH)


@pytest.mark.parametrize("name", NAMES)
def test_the_sequence_has_each_kind_of_token_where_the_reference_has_it(name: str) -> None:
    model, ids = checkpoint(name).model, recorded(name)["vl_token_ids"][0]
    frames, game = torch.from_numpy(observation(frames_of(name), 256)), case(name)["game"]
    sequence = model.sequence(frames, torch.tensor([checkpoint(name).games[game]]) if game else None)[0].numpy()
    features = recorded(name)["vision_features"].reshape(-1, sequence.shape[-1])
    np.testing.assert_array_equal(sequence[ids == 0], 0)
    np.testing.assert_allclose(sequence[ids == 1], features, rtol=0, atol=TORCH)
    assert (ids == 6).sum() == (game is not None)
    if model.game_embedding is not None:
        row = model.game_embedding.weight[checkpoint(name).games[game]]
        np.testing.assert_array_equal(sequence[ids == 6][0], row)


@pytest.mark.parametrize("name", NAMES)
def test_the_torch_model_has_the_recorded_context(name: str) -> None:
    np.testing.assert_allclose(torch_context(name), recorded(name)["context"], rtol=0, atol=TORCH)


@pytest.mark.parametrize("name", NAMES)
def test_the_torch_model_has_every_recorded_velocity_and_the_final_actions(name: str) -> None:
    model, arrays, steps = checkpoint(name).model, recorded(name), case(name)["steps"]
    context, scale = torch_context(name), case(name)["cfg_scale"]
    times: list[int] = []
    velocities: list[npt.NDArray[np.float32]] = []
    whole = model.velocity

    def noted(x: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        v = whole(x, t, context)
        times.extend([int(t[0])])
        velocities.extend(branch.numpy() for branch in v)  # guided, unguided, guided, ...
        return v

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "velocity", noted)
        actions = sample(model, context, torch.from_numpy(arrays["noise"]), steps, scale)
    np.testing.assert_array_equal(np.repeat(times, len(context)), arrays["timesteps"])
    np.testing.assert_allclose(np.stack(velocities), arrays["velocities"], rtol=0, atol=TORCH)
    np.testing.assert_allclose(actions, arrays["actions"], rtol=0, atol=TORCH)


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_graphs_have_the_recorded_context(name: str, bundle_of: BundleOf) -> None:
    policy = policy_in(bundle_of(name))
    observed = policy.observe(frames_of(name), case(name)["cfg_scale"], case(name)["game"])
    np.testing.assert_allclose(observed.context, recorded(name)["context"], rtol=0, atol=GRAPHS)


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_graphs_give_the_recorded_actions(name: str, bundle_of: BundleOf) -> None:
    policy, arrays = policy_in(bundle_of(name)), recorded(name)
    guidance, game = case(name)["cfg_scale"], case(name)["game"]
    chunk = policy.predict(frames_of(name), arrays["noise"], case(name)["steps"], guidance, game)
    np.testing.assert_allclose(chunk.actions, arrays["actions"][0], rtol=0, atol=GRAPHS)
    np.testing.assert_allclose(chunk.j_left, arrays["j_left"][0], rtol=0, atol=GRAPHS)
    np.testing.assert_allclose(chunk.j_right, arrays["j_right"][0], rtol=0, atol=GRAPHS)
    clear = np.abs(arrays["actions"][0][:, :21] - 0.5) > 1e-3
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(chunk.buttons[clear], arrays["buttons"][0][clear])


def test_the_recorded_step_count_is_the_checkpoints_own(bundle_of: BundleOf) -> None:
    for name in NAMES:
        assert policy_in(bundle_of(name)).spec.steps == case(name)["steps"]
