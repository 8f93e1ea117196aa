"""Whole chunks of TensorRT's engines, on a stand-in for the GPU, against those of ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest
from cuda.bindings import runtime as real_runtime

from ngrt.control.merging import Merging
from ngrt.errors import EngineError
from ngrt.inference.engine import Observation
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Array
from tests.inference.gpu.rig import Machine, engines_of
from tests.inference.tensorrt.chunks import SIDE, assert_same, chunk, frames, noise


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_chunks_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy], count: int, steps: int) -> None:
    assert_same(pair, chunk(count, steps))


@pytest.mark.parametrize("count", [1, 2])
def test_guided_chunks_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy], count: int) -> None:
    assert_same(pair, chunk(count, 3, guidance=1.5))


def test_two_observations_at_once_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 1, SIDE, SIDE, 3), np.uint8)
    each = np.stack([noise(1), noise(2)])
    assert_same(pair, lambda policy: policy.denoise(policy.observe_each(pictures), each, 3))


def test_rows_that_end_unaligned_are_brought_to_their_place(machine: Machine, unaligned: Path, tmp_path: Path) -> None:
    policy, engine = machine.open(engines_of(unaligned, tmp_path / "engines"))
    pair = policy, open_policy(unaligned, threads=1)
    row = engine._buffers.row_bytes["key_0"]
    assert row % 256
    for _ in range(2):
        assert_same(pair, chunk(2, 3, guidance=2.0))
    policy.close()
    assert machine.driver.live == 0


def test_a_game_is_seen(machine: Machine, unaligned: Path, tmp_path: Path) -> None:
    policy, _ = machine.open(engines_of(unaligned, tmp_path / "engines"))

    def each(policy: EnginePolicy) -> Array:
        return np.stack([policy.observe(frames(2), game=game).context for game in (None, "hades", "celeste")])

    assert_same((policy, open_policy(unaligned, threads=1)), each)
    assert len(np.unique(each(policy), axis=0)) == 3
    policy.close()


def test_rows_that_end_aligned_are_written_where_they_are_read(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    policy.observe(frames(2), 1.5)
    assert engine._buffers.row_bytes["key_0"] % 256 == 0
    copies = [arguments[3] for name, arguments in machine.driver.made if name == "cudaMemcpyAsync"]
    assert copies == [real_runtime.cudaMemcpyKind.cudaMemcpyHostToDevice] * 2
    policy.close()


@pytest.mark.parametrize("mode", ["rtc", "prefix"])
def test_merged_chunks_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy], mode: str) -> None:
    merging = Merging("rtc") if mode == "rtc" else Merging("prefix")

    def make(policy: EnginePolicy) -> Array:
        last, made = noise(9), []
        for seed in (1, 2, 3):
            guide = merging.guide(last, 2, 1, 4)
            last = policy.denoise(policy.observe(frames(1, seed)), noise(seed), 4, guide)[0]
            made.append(last)
        return np.stack(made)

    assert_same(pair, make)


def test_what_one_chunk_was_made_with_does_not_stay_for_the_next(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    policy, _ = pair
    plain = chunk(1, 4)(policy)
    guide = Merging("rtc").guide(noise(9), 2, 1, 4)
    guided = policy.denoise(policy.observe(frames(1)), noise(), 4, guide)
    assert np.abs(guided - plain).max() > 1e-3
    assert np.array_equal(chunk(1, 4)(policy), plain)


def test_steps_may_change_and_change_back(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    for steps in (3, 6, 3, 1, 6):
        assert_same(pair, chunk(1, steps, seed=steps))


def test_a_schedule_that_is_computed_again_is_uploaded_again(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    policy, _ = pair
    first = chunk(1, 3)(policy)
    policy._modulations[3] = policy.schedule(3) * 2
    assert np.abs(chunk(1, 3)(policy) - first).max() > 1e-3
    policy._modulations.clear()
    assert np.array_equal(chunk(1, 3)(policy), first)


def test_a_second_observation_is_not_mixed_with_the_first(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    def make(policy: EnginePolicy) -> Array:
        policy.observe(frames(2, seed=4), 1.5)
        policy.observe(frames(1, seed=5))
        return policy.denoise(policy.observe(frames(1, seed=6)), noise(), 3)

    assert_same(pair, make)


def test_the_context_comes_from_the_device_when_it_is_asked_for(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    assert_same(pair, lambda policy: policy.observe(frames(2), 1.5).context)


def test_what_was_replaced_on_the_device_is_not_denoised(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    policy, _ = pair
    first = policy.observe(frames(1))
    policy.observe(frames(1, seed=2))
    with pytest.raises(EngineError, match="another observation has replaced this one"):
        policy.denoise(first, noise(), 3)
    with pytest.raises(EngineError, match="another observation has replaced this one"):
        _ = first.context


def test_more_branches_than_the_engine_takes_are_refused(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    with pytest.raises(EngineError, match="3 branches at once; this engine takes up to 2"):
        pair[0].observe_each(np.zeros((3, 1, SIDE, SIDE, 3), np.uint8))


def test_more_frames_than_the_engine_takes_are_refused(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    with pytest.raises(EngineError, match=r"observe.engine cannot take frames of shape \(1, 3, 256, 256, 3\)"):
        engine.observe([Observation(np.zeros((1, 3, SIDE, SIDE, 3), np.uint8), None)])
    policy.close()
    assert machine.driver.live == 0
