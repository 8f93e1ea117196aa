"""Policies may be used from any thread, and say when they were closed."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from ngrt.errors import EngineError
from ngrt.inference import policy as policies
from ngrt.inference.engine import Observation
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.policy import EnginePolicy
from ngrt.policy.bundle import read_manifest
from ngrt.policy.shipped import arcade_engine
from tests.patience import HANG

from .test_outside import ENGINES

FOLDER = arcade_engine()
MANIFEST = read_manifest(FOLDER)
EACH = pytest.mark.parametrize("engine", ENGINES)
THREADS = 6


def opened(engine: str) -> EnginePolicy:
    return EnginePolicy(FOLDER, MANIFEST, ENGINES[engine](FOLDER, MANIFEST))


def frame(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (256, 256, 3), np.uint8)


@EACH
def test_each_thread_gets_its_own_actions(engine: str) -> None:
    noise = np.random.default_rng(0).standard_normal((18, 25), np.float32)
    with opened(engine) as policy:
        wanted = [policy.predict([frame(seed)], noise, 1 + seed % 3).actions for seed in range(THREADS)]

        def work(seed: int) -> float:
            found = [policy.predict([frame(seed)], noise, 1 + seed % 3).actions for _ in range(10)]
            return max(float(np.abs(each - wanted[seed]).max()) for each in found)

        with ThreadPoolExecutor(THREADS) as pool:
            furthest = max(pool.map(work, range(THREADS)))
    assert furthest < 1e-4


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_engines_on_the_processor_run_one_graph_in_several_threads(engine: str) -> None:
    """Without a policy around them, as the gate uses them."""
    with opened(engine) as policy:
        pictures = [frame(seed)[None, None, :96, :96] for seed in range(THREADS)]

        def observed(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return np.asarray(policy.engine.observe([Observation(picture, None)]).context)

        wanted = [observed(picture) for picture in pictures]
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(10):
                for one, other in zip(wanted, pool.map(observed, pictures), strict=True):
                    np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


USES: dict[str, Callable[[EnginePolicy, Any], object]] = {
    "predict": lambda policy, observed: policy.predict([frame(0)]),
    "observe": lambda policy, observed: policy.observe([frame(0)]),
    "observe with guidance": lambda policy, observed: policy.observe([frame(0)], 1.5),
    "observe_each": lambda policy, observed: policy.observe_each(np.zeros((1, 1, 96, 96, 3), np.uint8)),
    "denoise": lambda policy, observed: policy.denoise(observed, policy.draw_noise(), 2),
    "schedule": lambda policy, observed: policy.schedule(4),
    "the engine's observe": lambda policy, observed: policy.engine.observe(
        [Observation(np.zeros((1, 1, 96, 96, 3), np.uint8), None)]
    ),
    "the engine's schedule": lambda policy, observed: policy.engine.schedule(np.zeros(2, np.float32)),
}


@EACH
@pytest.mark.parametrize("use", USES)
def test_what_was_closed_says_so(engine: str, use: str) -> None:
    policy = opened(engine)
    policy.schedule(4)
    observed = policy.observe([frame(0)])
    policy.close()
    with pytest.raises(EngineError, match="this engine was closed; open the bundle again"):
        USES[use](policy, observed)


class Slow(OnnxEngine):
    """Stays in denoise until it is let go on."""

    def __init__(self) -> None:
        super().__init__(FOLDER, MANIFEST, 1)
        self.at_it, self.go_on = threading.Event(), threading.Event()

    def denoise(self, *arguments: Any) -> Any:
        """Wait."""
        self.at_it.set()
        assert self.go_on.wait(HANG)
        return super().denoise(*arguments)


def test_closing_waits_for_the_chunk_that_another_thread_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "LONGEST", HANG)
    engine = Slow()
    policy = EnginePolicy(FOLDER, MANIFEST, engine)
    with ThreadPoolExecutor(2) as pool:
        chunk = pool.submit(policy.predict, [frame(0)])
        assert engine.at_it.wait(HANG)
        closing = pool.submit(policy.close)
        time.sleep(0.05)
        assert not closing.done()
        engine.go_on.set()
        assert np.isfinite(chunk.result(HANG).actions).all()
        closing.result(HANG)
    with pytest.raises(EngineError, match="closed"):
        policy.predict([frame(0)])


def test_closing_does_not_wait_for_a_chunk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "LONGEST", 0.05)
    engine = Slow()
    policy = EnginePolicy(FOLDER, MANIFEST, engine)
    with ThreadPoolExecutor(1) as pool:
        chunk = pool.submit(policy.predict, [frame(0)])
        assert engine.at_it.wait(HANG)
        policy.close()
        assert not chunk.done()
        engine.go_on.set()
        chunk.result(HANG)
