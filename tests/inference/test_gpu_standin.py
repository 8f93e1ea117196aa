"""The stand-in for the GPU refuses what CUDA and TensorRT refuse, and calls that the libraries would not take."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import tensorrt_rtx
from cuda.bindings import runtime as real

from ngrt.errors import EngineError
from ngrt.inference.cuda.driver import Cuda

from .gpu.mirror import MIRRORED
from .gpu.runtime import StandInRuntime
from .gpu.signatures import check_bound, check_cuda, overloads
from .gpu.trt import Context, StandInTensorRt

COPY = real.cudaMemcpyKind.cudaMemcpyHostToDevice


@pytest.fixture
def driver() -> StandInRuntime:
    return StandInRuntime()


@pytest.fixture
def cuda(driver: StandInRuntime) -> Iterator[Cuda]:
    cuda = Cuda(driver)
    yield cuda
    cuda.close()


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("cudaMallocMemory", (8,), "cuda-python has no cudaMallocMemory"),
        ("cudaMalloc", (), "missing a required argument: 'size'"),
        ("cudaMalloc", (8, 0), "too many positional arguments"),
        ("cudaMemcpyAsync", (0, 0, 8, 1, real.cudaStream_t(1)), "kind is 1, not a cudaMemcpyKind"),
    ],
)
def test_a_call_that_cuda_python_would_not_take_is_refused(
    driver: StandInRuntime, name: str, arguments: tuple[object, ...], complaint: str
) -> None:
    with pytest.raises(TypeError, match=complaint):
        check_cuda(real, name, arguments, {})
    with pytest.raises((TypeError, AttributeError)):
        getattr(driver, name)(*arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_tensor_address", ("x",)),
        ("set_tensor_address", (1, 2)),
        ("set_tensor_address", ("x", 256, 4)),
        ("set_tensor_address", ("x", 25.6)),
        ("set_input_shape", ("x", 5)),
        ("execute_async_v3", ()),
        ("set_device_memory", (256,)),
    ],
)
def test_a_call_that_tensorrt_would_not_take_is_refused(name: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        check_bound(tensorrt_rtx.IExecutionContext, name, arguments, {}, MIRRORED)


def test_the_texts_of_the_bindings_are_understood() -> None:
    (setting,) = overloads(tensorrt_rtx.IExecutionContext, "set_device_memory")
    assert list(setting.parameters) == ["memory", "size"]
    assert len(overloads(tensorrt_rtx.IExecutionContext, "set_input_shape")) == 3
    assert len(overloads(tensorrt_rtx.ICudaEngine, "create_execution_context")) == 2
    check_bound(tensorrt_rtx.IExecutionContext, "set_input_shape", ("x", (1, 2)), {}, MIRRORED)


def test_a_method_that_the_bindings_lack_cannot_be_stood_in_for() -> None:
    from .gpu.mirror import mirrors

    class Renamed:
        def execute_async_v4(self) -> None: ...

    with pytest.raises(AssertionError, match="IExecutionContext has no execute_async_v4"):
        mirrors(tensorrt_rtx.IExecutionContext)(Renamed)
    MIRRORED["IExecutionContext"] = Context


def test_nothing_is_there_before_the_host_waits(cuda: Cuda) -> None:
    with ExitStack() as things:
        address, pinned = cuda.allocate(things, 8), cuda.pin(things, 8)
        back = cuda.pin(things, 8)
        pinned[:] = 7
        cuda.upload(address, pinned)
        cuda.download(back, address)
        assert not (back == 7).any()
        cuda.wait()
        assert (back == 7).all()


def test_what_is_captured_is_done_by_each_launch_and_not_before(cuda: Cuda) -> None:
    with ExitStack() as things:
        address, pinned = cuda.allocate(things, 8), cuda.pin(things, 8)
        pinned[:] = 1
        graph = cuda.captured(things, lambda: cuda.upload(address, pinned))
        back = cuda.pin(things, 8)
        for value in (2, 3):
            pinned[:] = value
            cuda.launch(graph)
            cuda.download(back, address)
            cuda.wait()
            assert (back == value).all()


@pytest.mark.parametrize("what", ["wait", "allocate", "pin"])
def test_waiting_and_allocating_while_capturing_are_refused(driver: StandInRuntime, cuda: Cuda, what: str) -> None:
    with ExitStack() as things:
        calls: dict[str, Callable[[], object]] = {
            "wait": cuda.wait,
            "allocate": lambda: cuda.allocate(things, 8),
            "pin": lambda: cuda.pin(things, 8),
        }
        with pytest.raises(EngineError, match="cudaErrorStreamCaptureUnsupported"):
            cuda.captured(things, calls[what])
    assert len(driver.wrongs) == 1
    cuda.wait()  # the capture has ended


def test_copies_that_are_not_from_pinned_memory_are_refused(driver: StandInRuntime, cuda: Cuda) -> None:
    with ExitStack() as things:
        cuda.upload(cuda.allocate(things, 8), np.zeros(8, np.uint8))
        with pytest.raises(EngineError, match="cudaErrorIllegalAddress"):
            cuda.wait()
    assert "are not all pinned memory" in driver.wrongs[0]


def test_copies_out_of_range_are_refused(driver: StandInRuntime, cuda: Cuda) -> None:
    with ExitStack() as things:
        cuda.upload(cuda.allocate(things, 8) + 1, cuda.pin(things, 8))
        with pytest.raises(EngineError, match="cudaErrorIllegalAddress"):
            cuda.wait()
    assert "are not all device memory" in driver.wrongs[0]


def test_memory_that_was_freed_is_not_used_nor_freed_again(driver: StandInRuntime, cuda: Cuda) -> None:
    with ExitStack() as things:
        pinned = cuda.pin(things, 8)
        with ExitStack() as freed:
            address = cuda.allocate(freed, 8)
        cuda.upload(address, pinned)
        with pytest.raises(EngineError, match="cudaErrorIllegalAddress"):
            cuda.wait()
    with pytest.raises(EngineError, match="cudaErrorInvalidValue"):
        cuda.call("cudaFree", address)
    assert len(driver.wrongs) == 2


def test_a_thread_must_choose_its_device(driver: StandInRuntime) -> None:
    driver.cudaMalloc(8)
    assert driver.wrongs == ["cudaMalloc in a thread that chose no device"]


def test_an_event_that_is_not_over_has_no_time(cuda: Cuda) -> None:
    with ExitStack() as things:
        first, last = cuda.event(things), cuda.event(things)
        cuda.mark(first)
        cuda.mark(last)
        with pytest.raises(EngineError, match="cudaErrorNotReady"):
            cuda.between(first, last)
        cuda.wait()
        assert cuda.between(first, last) > 0


@pytest.fixture
def context(driver: StandInRuntime, cuda: Cuda, tiny_bundle: Path) -> Iterator[Context]:
    """Return a context of the denoise graph, warm, with memory for all that it takes."""
    module = StandInTensorRt(driver, 1)
    runtime = module.Runtime(tensorrt_rtx.Logger())
    engine = runtime.deserialize_cuda_engine((tiny_bundle / "denoise.onnx").read_bytes())
    config = engine.create_runtime_config()
    config.set_execution_context_allocation_strategy(tensorrt_rtx.ExecutionContextAllocationStrategy.USER_MANAGED)
    config.dynamic_shapes_kernel_specialization_strategy = tensorrt_rtx.DynamicShapesKernelSpecializationStrategy.EAGER
    config.cuda_graph_strategy = tensorrt_rtx.CudaGraphStrategy.DISABLED
    with ExitStack() as things:
        context: Context = engine.create_execution_context(runtime_config=config)
        context.set_device_memory(cuda.allocate(things, 1024), 1024)
        for name in (engine.get_tensor_name(index) for index in range(engine.num_io_tensors)):
            if engine.get_tensor_mode(name) == tensorrt_rtx.TensorIOMode.INPUT:
                shape = tuple(engine.get_tensor_profile_shape(name, 0)[0])
                assert context.set_input_shape(name, shape)
            assert context.set_tensor_address(name, cuda.allocate(things, 1 << 20))
        yield context


def test_the_first_execution_of_a_context_cannot_be_captured(cuda: Cuda, context: Context) -> None:
    with ExitStack() as things:
        with pytest.raises(EngineError, match="cudaErrorStreamCaptureInvalidated"):
            cuda.captured(things, lambda: context.execute_async_v3(cuda.stream))
        assert context.execute_async_v3(cuda.stream)
        cuda.captured(things, lambda: context.execute_async_v3(cuda.stream))
        cuda.wait()


def test_a_context_is_not_changed_after_its_capture(driver: StandInRuntime, cuda: Cuda, context: Context) -> None:
    with ExitStack() as things:
        context.execute_async_v3(cuda.stream)
        cuda.captured(things, lambda: context.execute_async_v3(cuda.stream))
        cuda.wait()
        context.set_input_shape("mix", (2, 2))
    assert driver.wrongs == ["a context was changed after it was captured"]


def test_tensors_are_aligned_and_shapes_within_what_was_built_for(context: Context) -> None:
    assert not context.set_tensor_address("x", 4096 + 128)
    assert not context.set_tensor_address("y", 4096)
    assert not context.set_input_shape("mix", (3, 3))
