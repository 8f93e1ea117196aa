"""Chunks of engines on the stand-in, and what they are held against."""

from collections.abc import Callable

import numpy as np
import pytest

from ngrt.errors import BundleError, NgrtError
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Array, Image
from tests.export.making import inputs
from tests.inference.gpu.runtime import Errors

HORIZON, COLUMNS, SIDE = 18, 25, 256


MEMORY = Errors.cudaErrorMemoryAllocation


def frames(count: int, seed: int = 1) -> list[Image]:
    return inputs(count, HORIZON, COLUMNS, seed).frames


def noise(seed: int = 1, horizon: int = HORIZON) -> Array:
    return inputs(1, horizon, COLUMNS, seed).noise


def assert_same(pair: tuple[EnginePolicy, EnginePolicy], call: Callable[[EnginePolicy], Array]) -> None:
    found, wanted = (call(policy) for policy in pair)
    assert np.abs(found - wanted).max() < 1e-5
    assert np.isfinite(found).all()


def chunk(count: int = 1, steps: int = 3, guidance: float = 1.0, seed: int = 1) -> Callable[[EnginePolicy], Array]:
    def make(policy: EnginePolicy) -> Array:
        observed = policy.observe(frames(count, seed), guidance)
        return policy.denoise(observed, noise(seed, policy.spec.action_horizon), steps)

    return make


def refusal(call: Callable[[], object], kind: type[NgrtError] = BundleError) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)
