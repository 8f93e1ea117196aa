"""A toy training: the format is right, the seed decides. What a real one scores is for the training run to say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from export.arcade.evaluate import expert_scores, lockstep, torch_planner
from export.arcade.train import Recipe, save, train
from export.checkpoint import load_checkpoint
from export.model import NitroGen
from ngrt.arcade.controls import COLUMNS, Controls
from ngrt.arcade.expert import HORIZON, plan
from ngrt.arcade.world import State
from ngrt.errors import ExportError

pytestmark = pytest.mark.slow  # a minute and more where the processor has no bf16 products
TOY = Recipe(seed=3, steps=20, batch=4, warmup=5)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make so small a model many times slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def losses() -> list[float]:
    return []


@pytest.fixture(scope="module")
def toy(losses: list[float]) -> NitroGen:
    return train(TOY, lambda step, flow, helper: losses.append(flow))


def test_a_toy_training_makes_a_checkpoint_that_the_export_stage_loads(toy: NitroGen, tmp_path: Path) -> None:
    save(toy, tmp_path / "toy.pt")
    loaded = load_checkpoint(tmp_path / "toy.pt")
    assert loaded.parameters < 3_000_000
    assert (loaded.config.model.action_horizon, loaded.config.model.action_dim) == (HORIZON, COLUMNS)
    assert loaded.config.tokenizer.old_layout is False
    assert {path.name for path in tmp_path.iterdir()} == {"toy.pt", "siglip-arcade"}
    for name, value in toy.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value)


def test_a_checkpoint_never_replaces_what_is_no_file(toy: NitroGen, tmp_path: Path) -> None:
    (tmp_path / "toy.pt").mkdir()
    with pytest.raises(ExportError, match="is not a file"):
        save(toy, tmp_path / "toy.pt")


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(toy: NitroGen, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot write"):
        save(toy, tmp_path / "nowhere" / "toy.pt")
    assert not list(tmp_path.iterdir())


def test_the_loss_falls_even_in_a_toy_training(toy: NitroGen, losses: list[float]) -> None:
    assert len(losses) == TOY.steps
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_the_seed_decides_the_weights(toy: NitroGen) -> None:
    short = Recipe(seed=3, steps=2, batch=4, warmup=5)
    one, same, other = train(short), train(short), train(Recipe(seed=4, steps=2, batch=4, warmup=5))
    name = "action_encoder.W1.W"
    assert torch.equal(one.state_dict()[name], same.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], other.state_dict()[name])


def test_lockstep_scores_a_planner_by_what_it_clears() -> None:
    def expert(state: State) -> Controls:
        return plan(state, np.ones(len(state)))

    def idle(state: State) -> Controls:
        return np.zeros((len(state), HORIZON, 3))

    seeds = range(10)
    assert lockstep(expert, seeds, 4).scores.mean() >= 0.97 * expert_scores(seeds).mean()
    assert lockstep(idle, seeds, 4).scores.mean() < 0.5


def test_a_model_plans_the_same_from_the_same_seed(toy: NitroGen) -> None:
    state = np.zeros(2, dtype=lockstep(lambda s: np.zeros((len(s), 18, 3)), [0], 18).state.dtype)
    plans = [torch_planner(toy, 2, seed)(state) for seed in (0, 0, 1)]
    assert plans[0].shape == (2, HORIZON, 3)
    assert (plans[0] == plans[1]).all()
    assert (plans[0] != plans[2]).any()
