"""Half precision, and weights in files of their own."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from export.run import export_checkpoint
from ngrt.errors import BundleError
from ngrt.inference.open import open_policy

from .conftest import Variant
from .making import inputs


@pytest.fixture(scope="module")
def half(small: Variant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half") / "bundle"
    export_checkpoint(str(small.path), folder, precision="fp16")
    return folder


@pytest.fixture(scope="module")
def apart(small: Variant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("apart") / "bundle"
    export_checkpoint(str(small.path), folder, data_limit=0)
    return folder


def test_a_half_precision_engine_has_half_the_bytes_and_nearly_the_actions(small: Variant, half: Path) -> None:
    given = inputs(1, 5, 25)
    policy = open_policy(half)
    found, wanted = (engine.predict(given.frames, given.noise).actions for engine in (policy, small.policy))
    difference = np.abs(found - wanted).max()
    assert 0 < difference <= 2e-2
    assert policy.manifest.precision == "fp16"
    assert 0 < policy.manifest.parity.actions <= policy.manifest.parity.actions_limit == 2e-2
    weights = {
        name: _bytes_of_weights(folder / "observe.onnx") for name, folder in (("16", half), ("32", small.bundle))
    }
    assert weights["16"] < 0.6 * weights["32"]


def test_a_half_precision_engine_hands_over_half_precision_keys_and_values(half: Path) -> None:
    observed = open_policy(half).observe(inputs(1, 5, 25).frames)
    assert {value.dtype for value in observed.encoded.keys_values.values()} == {np.dtype(np.float16)}
    assert observed.context.dtype == np.float32


def test_weights_that_lie_apart_give_the_same_actions(small: Variant, apart: Path) -> None:
    given = inputs(1, 5, 25)
    policy = open_policy(apart)
    names = [part.file for graph in policy.manifest.graphs.values() for part in graph.data]
    assert names == ["schedule.onnx.data", "observe.onnx.data", "denoise.onnx.data"]
    assert sorted(path.name for path in apart.iterdir()) == sorted(
        [*names, "schedule.onnx", "observe.onnx", "denoise.onnx", "manifest.json"]
    )
    assert (apart / "denoise.onnx").stat().st_size < (small.bundle / "denoise.onnx").stat().st_size
    np.testing.assert_array_equal(
        policy.predict(given.frames, given.noise).actions, small.policy.predict(given.frames, given.noise).actions
    )


def test_changed_weights_that_lie_apart_are_refused(apart: Path) -> None:
    path = apart / "denoise.onnx.data"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(BundleError, match=r"denoise\.onnx\.data was changed: SHA-256 .*export again"):
            open_policy(apart)
    finally:
        path.write_bytes(whole)


def test_missing_weights_that_lie_apart_are_refused(apart: Path) -> None:
    path = apart / "observe.onnx.data"
    path.rename(apart / "elsewhere")
    try:
        with pytest.raises(BundleError, match=r"observe\.onnx\.data is missing; export the bundle again"):
            open_policy(apart)
    finally:
        (apart / "elsewhere").rename(path)


def _bytes_of_weights(path: Path) -> int:
    return sum(len(tensor.raw_data) for tensor in onnx.load(path).graph.initializer)
