"""The two sides of the chunk suite: what they compute, and how often each part runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.baseline import Baseline
from bench.chunk import ChunkResult, compare
from bench.result import Distribution
from bench.work import RUNS, count
from export.checkpoint import load_checkpoint
from export.config import resolve
from export.synth import configuration
from ngrt.errors import CheckpointError
from tests.conftest import PARITY

BundleOf = Callable[[str], Path]
TINY = PARITY / "tiny.pt"
STEPS = 5


@pytest.fixture(scope="module")
def result(bundle_of: BundleOf) -> ChunkResult:
    return compare(bundle_of("tiny"), TINY, threads=2, pairs=3, steps=STEPS)


def test_the_reference_runs_the_tower_once_and_everything_else_in_every_step(result: ChunkResult) -> None:
    assert result.baseline_calls == {"tower": 1, "mixer": STEPS, "keys": STEPS, "times": STEPS, "steps": STEPS}


def test_the_engine_observes_once_denoises_every_step_and_has_its_schedule_already(result: ChunkResult) -> None:
    assert result.engine_calls == {"schedule": 0, "observe": 1, "denoise": STEPS}


def test_both_sides_compute_the_same_actions(result: ChunkResult) -> None:
    assert 0 < result.difference < 1e-4


def test_the_ratio_is_that_of_the_medians_of_the_samples_shown(result: ChunkResult) -> None:
    assert len(result.baseline.samples) == len(result.engine.samples) == 3
    assert len(result.denoise.samples) == 3 * STEPS
    assert result.ratio == pytest.approx(np.median(result.baseline.samples) / np.median(result.engine.samples))


def test_the_arithmetic_of_both_sides_is_counted(result: ChunkResult) -> None:
    config = load_checkpoint(TINY).config
    tower, mixer = config.tower, config.model.vl_self_attention_cfg
    length, width = config.tokenizer.max_sequence_length, mixer.width
    once = mixer.num_layers * (2 * length * 12 * width**2 + 4 * length**2 * width) / 1e9
    assert result.work.baseline_gflop - result.work.engine_gflop > (STEPS - 1) * once  # the mixer in every step but one
    assert result.work.engine_gflop > once
    assert result.work.product_gflop == 2e-9 * tower.tokens * tower.hidden_size * tower.intermediate_size


def test_the_arithmetic_of_a_policy_that_knows_games_is_counted_too() -> None:
    config = load_checkpoint(PARITY / "tiny-games.pt").config
    assert config.game_rows > 0
    assert all(more > some > 0 for more, some in zip(count(config, 2 * STEPS), count(config, STEPS), strict=True))


def test_the_arithmetic_of_the_released_size_is_what_its_shapes_say() -> None:
    baseline, engine = count(resolve(configuration("released"), 0, PARITY), 16)
    tower, mixer, keys, step = 161, 27, 4, 3.4  # GFLOP, from the shapes by hand
    assert engine == pytest.approx(tower + mixer + keys + 16 * step, rel=0.02)
    assert baseline == pytest.approx(tower + 16 * (mixer + keys + step), rel=0.02)


def test_the_share_and_what_is_possible_say_the_same(result: ChunkResult) -> None:
    assert result.share == pytest.approx(result.ratio / result.possible)
    assert len(result.work.product.samples) == 3 * RUNS


def test_an_engine_of_another_checkpoint_is_not_compared(bundle_of: BundleOf) -> None:
    with pytest.raises(CheckpointError, match="was made from"):
        compare(bundle_of("tiny"), PARITY / "tiny-games.pt", threads=1, pairs=1)


def test_both_sides_get_the_threads_that_are_reported(bundle_of: BundleOf) -> None:
    before = torch.get_num_threads()
    try:
        assert compare(bundle_of("tiny"), TINY, threads=1, pairs=1, steps=1).threads == 1
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_baseline_is_the_model_as_it_is_defined() -> None:
    from export.verify import sample

    baseline = Baseline(TINY, threads=2)
    random = np.random.default_rng(3)
    frame = random.integers(0, 256, (256, 256, 3), np.uint8)
    noise = random.standard_normal((18, 25), np.float32)
    with torch.inference_mode():
        context = baseline.model.encode(torch.from_numpy(frame)[None, None])
        wanted = sample(baseline.model, context, torch.from_numpy(noise)[None], STEPS)[0].numpy()
    assert np.abs(baseline.predict([frame], noise, STEPS) - wanted).max() < 1e-6


def test_a_distribution_reports_samples_that_were_taken() -> None:
    found = Distribution.of([3.0, 1.0, 2.0])
    assert (found.samples, found.p50, found.p99, found.max) == ((3.0, 1.0, 2.0), 2.0, 3.0, 3.0)
    assert found.line("ms") == "2000.00 ms (p90 3000.00, p99 3000.00, max 3000.00; 3 samples)"
