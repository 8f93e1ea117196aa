"""The two sides of the chunk suite: what they compute, and how often each part runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.schema.distribution import P99_SAMPLES, Distribution
from bench.subjects.instrumented import Instrumented, checked_calls
from bench.subjects.reference import Baseline, expected_calls
from bench.suites.chunk import ChunkResult, compare
from ngrt.errors import CheckpointError, EngineError, SettingsError
from tests.conftest import PARITY

BundleOf = Callable[[str], Path]
TINY = PARITY / "tiny.pt"
STEPS, SAMPLES, ROUNDS = 5, 7, 3


@pytest.fixture(scope="module")
def result(bundle_of: BundleOf) -> ChunkResult:
    engines = [bundle_of("tiny"), bundle_of("tiny")]
    return compare(engines, TINY, threads=2, samples=SAMPLES, steps=STEPS, rounds=ROUNDS)


def test_the_reference_runs_the_tower_once_and_everything_else_in_every_step(result: ChunkResult) -> None:
    assert result.baseline_calls == {"tower": 1, "mixer": STEPS, "keys": STEPS, "times": STEPS, "steps": STEPS}


def test_engines_observe_once_denoise_every_step_and_have_their_schedule_already(result: ChunkResult) -> None:
    assert [engine.calls for engine in result.engines] == [{"schedule": 0, "observe": 1, "denoise": STEPS}] * 2


def test_a_side_that_ran_something_else_is_an_error_and_no_figure() -> None:
    assert checked_calls("it", {"observe": 2, "denoise": 10}, 2, {"observe": 1, "denoise": 5}) == {
        "observe": 1,
        "denoise": 5,
    }
    with pytest.raises(EngineError, match="ran denoise 8 times in 2 chunks; it must be 10"):
        checked_calls("it", {"observe": 2, "denoise": 8}, 2, {"observe": 1, "denoise": 5})
    with pytest.raises(EngineError, match="ran mixer 1 times in 1 chunks; it must be 4"):
        checked_calls("the reference's way", {"tower": 1, "mixer": 1}, 1, expected_calls(4))


def test_an_engine_that_skips_steps_is_caught_in_the_run(bundle_of: BundleOf, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = Instrumented.predict
    monkeypatch.setattr(
        Instrumented, "predict", lambda self, frames, noise, steps: predict(self, frames, noise, steps - 1)
    )
    with pytest.raises(EngineError, match="no time of this run means anything"):
        compare([bundle_of("tiny")], TINY, threads=1, samples=1, steps=3, rounds=1)


def test_all_sides_compute_the_same_actions_but_for_their_precision(result: ChunkResult) -> None:
    assert all(0 < engine.difference < 1e-4 for engine in result.engines)
    assert 1e-3 < result.baseline_difference < 0.2  # bf16


def test_the_ratios_are_those_of_the_medians_of_the_samples_shown(result: ChunkResult) -> None:
    assert {name: len(side.samples) for name, side in result.baselines.items()} == {"fp32": ROUNDS, "bf16": ROUNDS}
    for engine in result.engines:
        assert len(engine.seconds.samples) == SAMPLES
        assert engine.denoise is not None
        assert len(engine.denoise.samples) == SAMPLES * STEPS
        for name, side in result.baselines.items():
            both = [np.percentile(one.samples, 50, method="nearest") for one in (side, engine.seconds)]
            assert engine.ratios[name] == pytest.approx(both[0] / both[1])


def test_a_p99_is_told_only_of_samples_enough_for_one(result: ChunkResult) -> None:
    assert not any(engine.p99_is_meant for engine in result.engines)
    assert "p99" not in Distribution.of([1.0] * (P99_SAMPLES - 1)).line()
    assert "p99 1.000" in Distribution.of([1.0] * P99_SAMPLES).line()
    assert dict(result.facts())["p99"] == "not told of fewer than 662 samples: --samples 662"


def test_the_limit_of_a_chunk_is_that_of_its_graphs_and_the_share_what_was_reached(result: ChunkResult) -> None:
    for engine in result.engines:
        roof = engine.roofline
        assert roof is not None
        observe, denoise = roof.graphs
        assert roof.limit_seconds == pytest.approx(observe.limit_seconds + STEPS * denoise.limit_seconds)
        assert roof.share == pytest.approx(roof.limit_seconds / engine.seconds.p50)
        assert roof.gflop == pytest.approx(observe.gflop["float32"] + STEPS * denoise.gflop["float32"])
        assert engine.observe is not None
        assert observe.share == pytest.approx(observe.limit_seconds / engine.observe.p50)
        assert result.baseline_gflop > roof.gflop


def test_every_engine_and_both_references_are_in_the_lines_for_people(result: ChunkResult) -> None:
    names = [name for name, _ in result.facts()]
    assert names.count("bundle, fp32, cpu") == 2
    assert {"reference's way, fp32", "reference's way, bf16", "  hardware's limit"} <= set(names)


def test_an_engine_of_another_checkpoint_is_not_compared(bundle_of: BundleOf) -> None:
    with pytest.raises(CheckpointError, match="was made from"):
        compare([bundle_of("tiny")], PARITY / "tiny-games.pt", threads=1)


def test_a_checkpoint_that_is_not_there_is_refused_before_anything_runs(bundle_of: BundleOf, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*gone\.pt"):
        compare([bundle_of("tiny")], tmp_path / "gone.pt", threads=1)


def test_all_sides_get_the_threads_that_are_reported(bundle_of: BundleOf) -> None:
    before = torch.get_num_threads()
    try:
        result = compare([bundle_of("tiny")], TINY, threads=1, samples=1, steps=1, rounds=1)
        assert result.threads == torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_an_engine_that_counts_for_itself_is_believed_and_one_that_does_not_is_refused(
    bundle_of: BundleOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SimpleNamespace(name="TensorRT", launches=Launches(3, 3, 48, 17))
    policy = SimpleNamespace(engine=engine, close=lambda: None)
    monkeypatch.setattr("bench.subjects.instrumented.open_policy", lambda folder, backend, threads: policy)
    watched = Instrumented(bundle_of("tiny"), 1)
    engine.launches = Launches(5, 5, 68, 17)
    assert watched.calls_a_chunk(2, 10) == {"observe_graphs": 1, "denoise_graphs": 1, "steps": 10, "enqueued": 0}
    engine.launches = Launches(5, 5, 68, 37)  # the steps ran, but not in the captured graph
    with pytest.raises(EngineError, match="ran enqueued 20 times in 2 chunks; it must be 0"):
        watched.calls_a_chunk(2, 10)
    del engine.launches
    with pytest.raises(EngineError, match="TensorRT does not count its runs"):
        Instrumented(bundle_of("tiny"), 1)


@dataclass(frozen=True)
class Launches:
    observe_graphs: int
    denoise_graphs: int
    steps: int
    enqueued: int


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU")
def test_a_reference_on_a_gpu_needs_a_torch_that_sees_one() -> None:
    with pytest.raises(SettingsError, match="sees none"):
        Baseline(TINY, 1, "cuda")


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


def test_the_baseline_in_bf16_multiplies_in_bf16_from_the_tower_to_the_actions() -> None:
    baseline, kinds = Baseline(TINY, threads=2), set()
    for name, module in baseline.model.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            module.register_forward_hook(lambda _module, _inputs, output, name=name: kinds.add((name, output.dtype)))
    random = np.random.default_rng(3)
    frame, noise = random.integers(0, 256, (256, 256, 3), np.uint8), random.standard_normal((18, 25), np.float32)
    exact = baseline.predict([frame], noise, 2)
    assert {kind for _, kind in kinds} == {torch.float32}
    kinds.clear()
    half = baseline.predict([frame], noise, 2, "bf16")
    assert {kind for _, kind in kinds} == {torch.bfloat16}
    assert {"vision_encoder", "vl_self_attention_model", "model"} <= {name.split(".")[0] for name, _ in kinds}
    assert 0 < np.abs(half - exact).max() < 0.2


def test_a_distribution_reports_samples_that_were_taken() -> None:
    found = Distribution.of([3.0, 1.0, 2.0])
    assert (found.samples, found.p50, found.p99, found.max) == ((3.0, 1.0, 2.0), 2.0, 3.0, 3.0)
    assert found.line("ms") == "2000.00 ms (p90 3000.00, max 3000.00; 3 samples)"


@pytest.mark.parametrize(("seconds", "text"), [(2.5, "2.500 s"), (0.0025, "2.50 ms"), (2.5e-6, "2.5 us")])
def test_a_distribution_is_told_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert Distribution.of([seconds]).line().startswith(text)
