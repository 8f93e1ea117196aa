"""Calls of the GPU that fail: the reason is told, and nothing is left behind."""

from pathlib import Path

import pytest
from cuda.bindings import runtime as real_runtime

from ngrt.errors import EngineError
from ngrt.inference.open import open_policy
from tests.inference.gpu.rig import Machine, engines_of, pretend
from tests.inference.gpu.runtime import Errors
from tests.inference.tensorrt.chunks import MEMORY, assert_same, chunk, frames, refusal


def test_an_engine_that_cannot_be_captured_is_refused(machine: Machine, engines: Path) -> None:
    machine.trt.capturable = False
    policy, _ = machine.open(engines)
    text = refusal(lambda: policy.observe(frames(1)), EngineError)
    assert "observe.engine cannot be captured in a CUDA graph" in text
    policy.close()
    assert machine.driver.live == 0


def test_a_capture_that_fails_is_ended_and_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, onnx: Path
) -> None:
    machine = pretend(monkeypatch, tmp_path / "cache", "tensorrt")  # it cannot be asked before
    policy, _ = machine.open(engines_of(onnx, tmp_path / "engines", "tensorrt"))
    machine.trt.capturable = False
    assert "observe.engine cannot run" in refusal(lambda: policy.observe(frames(1)), EngineError)
    machine.trt.capturable = True
    assert_same((policy, open_policy(onnx, threads=1)), chunk())
    policy.close()
    assert (machine.driver.live, machine.driver.wrongs) == (0, [])


def test_cuda_errors_are_named_in_one_line(machine: Machine, engines: Path) -> None:
    policy, _ = machine.open(engines)
    machine.driver.fail = len(machine.driver.calls) + 2, MEMORY
    text = refusal(lambda: policy.observe(frames(1)), EngineError)
    assert text == "the GPU failed in cudaMalloc (cudaErrorMemoryAllocation: out of memory); free memory on the GPU"
    policy.close()


def test_whichever_call_fails_nothing_is_left_behind(machine: Machine, engines: Path) -> None:
    def session() -> None:
        policy = None
        try:
            policy, _ = machine.open(engines, timed=True)
            chunk(2, 2, guidance=1.5)(policy)
        finally:
            if policy is not None:
                policy.close()

    session()
    calls = list(machine.driver.calls)
    for number, name in enumerate(calls, 1):
        machine.driver.calls.clear()
        machine.driver.fail = number, Errors.cudaErrorLaunchFailure
        if number < len(calls) - 1:  # closing, at the end, tells of nothing
            assert f"the GPU failed in {name} (cudaErrorLaunchFailure" in refusal(session, EngineError)
        else:
            session()
        assert machine.driver.live == 0, f"call {number}, {name}"


def test_the_library_takes_the_same_calls(machine: Machine, engines: Path) -> None:
    """The stand-in has held each against the signature; here the real functions convert the arguments themselves."""
    status, count = real_runtime.cudaGetDeviceCount()
    if int(status) == 0 and count:
        pytest.skip("this machine has an NVIDIA GPU: these handles are none of its own")
    policy, _ = machine.open(engines, timed=True)
    chunk(2, 2, guidance=1.5)(policy)
    policy.close()
    made = dict(machine.driver.made)
    assert len(made) >= 20
    for name, arguments in made.items():
        status, *_ = getattr(real_runtime, name)(*arguments)
        assert name == "cudaGetErrorString" or int(status) != 0
