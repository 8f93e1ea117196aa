"""The graphs' own inputs: merging with an earlier chunk, several branches at once, any number of frames."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.calibration import picture
from ngrt.inference.policy import Conditioning, EnginePolicy
from ngrt.messages import Array
from ngrt.policy.preprocess import observation

from .conftest import GAMES_AND_CONTEXT, Variant
from .making import inputs, oracle_of

Feed = dict[str, npt.NDArray[Any]]
STEPS = 3


@pytest.fixture(scope="module")
def denoise(small: Variant) -> ort.InferenceSession:
    return ort.InferenceSession(small.bundle / "denoise.onnx", providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def observed(small: Variant) -> Conditioning:
    return small.policy.observe(inputs(1, 5, 25).frames)


@pytest.fixture(scope="module")
def modulations(small: Variant) -> Array:
    schedule = ort.InferenceSession(small.bundle / "schedule.onnx", providers=["CPUExecutionProvider"])
    times = np.array([int(step / STEPS * 1000) for step in range(STEPS)], np.float32)
    return np.asarray(schedule.run(["modulations"], {"timesteps": times})[0], np.float32)


def feed(observed: Conditioning, modulation: Array, rows: int = 1, step: int = 0, seed: int = 7) -> Feed:
    random = np.random.default_rng(seed)
    shape = (rows, 5, 25)
    given: Feed = {
        "x": random.standard_normal(shape, np.float32),
        "modulation": modulation,
        "dt": np.array(1 / STEPS, np.float32),
        "remaining": np.array(1 - step / STEPS, np.float32),
        "mix": np.eye(rows, dtype=np.float32),
        "prior": random.standard_normal(shape, np.float32),
        "weights": np.zeros((rows, 5, 1), np.float32),
        "guidance": np.array(0, np.float32),
    }
    return given | {name: value.repeat(rows, 0) for name, value in observed.encoded.keys_values.items()}


def run(session: ort.InferenceSession, feed: Mapping[str, Any]) -> Array:
    return np.asarray(session.run(["next_x"], dict(feed))[0], np.float32)


def test_with_zero_weights_prior_and_guidance_change_no_bit(
    denoise: ort.InferenceSession, observed: Conditioning, modulations: Array
) -> None:
    plain = run(denoise, feed(observed, modulations[1], step=1))
    for guidance in (0.0, 0.3, 5.0, 1e6):
        for scale in (0.0, 1.0, 1e6):
            others = {"guidance": np.array(guidance, np.float32), "prior": np.full((1, 5, 25), scale, np.float32)}
            np.testing.assert_array_equal(run(denoise, feed(observed, modulations[1], step=1) | others), plain)


@pytest.mark.parametrize("step", range(STEPS))
def test_merging_is_the_formula_of_the_bundle(
    denoise: ort.InferenceSession, observed: Conditioning, modulations: Array, step: int
) -> None:
    random = np.random.default_rng(step)
    weights, guidance = random.random((1, 5, 1), np.float32), np.array(1.7, np.float32)
    given = feed(observed, modulations[step], step=step)
    x, prior, dt, remaining = (given[name] for name in ("x", "prior", "dt", "remaining"))
    v = (run(denoise, given) - x) / dt
    v = v + guidance * weights * (prior - (x + remaining * v))
    merged = run(denoise, given | {"weights": weights, "guidance": guidance})
    np.testing.assert_allclose(merged, x + dt * v, rtol=0, atol=1e-5)
    assert np.abs(merged - run(denoise, given)).max() > 0.1


def test_full_weight_follows_the_straight_line_to_the_prior(
    denoise: ort.InferenceSession, observed: Conditioning, modulations: Array
) -> None:
    weights = np.array([1, 0, 1, 0, 0], np.float32).reshape(1, 5, 1)
    start = feed(observed, modulations[0])
    noise, prior, x = start["x"], start["prior"], start["x"]
    free = run(denoise, start)
    for step in range(STEPS):
        remaining = np.array(1 - step / STEPS, np.float32)
        strong = {"weights": weights, "guidance": np.array(1 / remaining, np.float32), "x": x, "prior": prior}
        x = run(denoise, feed(observed, modulations[step], step=step) | strong)
        line = noise + (step + 1) / STEPS * (prior - noise)
        np.testing.assert_allclose(x[:, [0, 2]], line[:, [0, 2]], rtol=0, atol=1e-5)
        if step == 0:  # the other rows go their own way; later they see rows that were moved
            np.testing.assert_array_equal(x[:, [1, 3, 4]], free[:, [1, 3, 4]])
    np.testing.assert_allclose(x[:, [0, 2]], prior[:, [0, 2]], rtol=0, atol=1e-5)


def test_rows_that_do_not_mix_are_separate_runs(
    small: Variant, denoise: ort.InferenceSession, modulations: Array
) -> None:
    one, two = (small.policy.observe(inputs(1, 5, 25, seed).frames) for seed in (1, 2))
    first, second = feed(one, modulations[0], seed=1), feed(two, modulations[0], seed=2)
    shared = {"modulation", "dt", "remaining", "guidance", "mix"}
    both = {name: value if name in shared else np.concatenate([value, second[name]]) for name, value in first.items()}
    result = run(denoise, both | {"mix": np.eye(2, dtype=np.float32)})
    np.testing.assert_allclose(result[0], run(denoise, first)[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(result[1], run(denoise, second)[0], rtol=0, atol=1e-5)
    assert np.abs(result[0] - result[1]).max() > 0.1


def test_rows_mix_by_the_matrix(denoise: ort.InferenceSession, observed: Conditioning, modulations: Array) -> None:
    given = feed(observed, modulations[0], rows=2)
    v = (run(denoise, given) - given["x"]) / given["dt"]
    mix = np.array([[2.5, -1.5], [0.25, 0.5]], np.float32)
    mixed = given["x"] + given["dt"] * np.einsum("ab,bhc->ahc", mix, v)
    np.testing.assert_allclose(run(denoise, given | {"mix": mix}), mixed, rtol=0, atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(frames=st.integers(1, 2), slot=st.integers(-1, 2), seed=st.integers(0, 2**31))
def test_fewer_frames_are_right_aligned(
    variant_of: Callable[[str], Variant], frames: int, slot: int, seed: int
) -> None:
    variant = variant_of(GAMES_AND_CONTEXT)
    random = np.random.default_rng(seed)
    pictures = observation([picture(random) for _ in range(frames)], 32)
    session = ort.InferenceSession(variant.bundle / "observe.onnx", providers=["CPUExecutionProvider"])
    outputs = session.run(["context"], {"frames": pictures, "game": np.array([slot], np.int64)})
    oracle = oracle_of(variant.checkpoint.model, variant.raw)
    np.testing.assert_allclose(outputs[0][0], oracle.context(pictures[0], slot), rtol=0, atol=1e-4)


def test_a_batch_of_observations_is_each_alone(variant_of: Callable[[str], Variant]) -> None:
    variant = variant_of(GAMES_AND_CONTEXT)
    session = ort.InferenceSession(variant.bundle / "observe.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    batch = random.integers(0, 256, (3, 2, 32, 32, 3), np.uint8)
    slots = np.array([0, -1, 2], np.int64)
    together = session.run(None, {"frames": batch, "game": slots})
    for row in range(3):
        alone = session.run(None, {"frames": batch[row : row + 1], "game": slots[row : row + 1]})
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(found[row], expected[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["schedule", "observe", "denoise"])
def test_signatures_in_the_manifest_are_those_of_the_graphs(small: Variant, name: Any) -> None:
    policy: EnginePolicy = small.policy
    session = ort.InferenceSession(small.bundle / f"{name}.onnx", providers=["CPUExecutionProvider"])
    stated = policy.manifest.graphs[name]
    for tensors, nodes in ((stated.inputs, session.get_inputs()), (stated.outputs, session.get_outputs())):
        assert [(tensor.name, list(tensor.shape)) for tensor in tensors] == [(node.name, node.shape) for node in nodes]
    onnx.checker.check_model(small.bundle / f"{name}.onnx", full_check=True)


@pytest.mark.parametrize("name", ["schedule", "observe", "denoise"])
def test_graphs_tell_nothing_of_the_machine_that_made_them(small: Variant, name: str) -> None:
    content = (small.bundle / f"{name}.onnx").read_bytes()
    assert b".py" not in content
    assert str(Path(__file__).parents[2]).encode() not in content
