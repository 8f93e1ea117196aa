"""Lack of memory, threads or open files is called by its name, wherever it shows."""

import errno
import os

import pytest

from ngrt.cli.wording import error_line
from ngrt.errors import BundleError, CheckpointError
from ngrt.inference.onnx import failures as onnx
from ngrt.inference.open import open_policy
from ngrt.inference.openvino import LOAD
from ngrt.policy.shipped import arcade_engine
from ngrt.shortage import FILES, MEMORY, THREADS, Shortage, shortage


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (MemoryError(), MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
        (RuntimeError("std::bad_alloc"), MEMORY),
        (
            RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for buffer of size 9"),
            MEMORY,
        ),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:114] err == 0. DefaultCPUAllocator: can't allocate memory"),
            MEMORY,
        ),
        (RuntimeError("CUDA error cudaErrorMemoryAllocation: out of memory"), MEMORY),
        (RuntimeError("Mmap failed: Cannot allocate memory"), MEMORY),
        (RuntimeError("can't start new thread"), THREADS),
        (RuntimeError("Resource temporarily unavailable"), THREADS),
        (RuntimeError("pthread_create failed, error code: 11 error msg:"), THREADS),
        (OSError(errno.EMFILE, "Too many open files"), FILES),
        (OSError(errno.ENFILE, "Too many open files in system"), FILES),
        (RuntimeError("open file denoise.onnx fail, errcode = 24 - Too many open files"), FILES),
        (OSError(errno.ENOENT, "No such file"), None),
        (RuntimeError("no such operator"), None),
    ],
)
def test_each_kind_is_known_by_its_error_or_text(error: Exception, lack: Shortage | None) -> None:
    assert shortage(error) is lack
    if lack is not None:
        assert lack.remedy


@pytest.mark.parametrize("failure", [onnx.LOAD, LOAD])
def test_what_a_library_lacks_is_said_with_what_helps_and_not_to_export_again(failure: type) -> None:
    with pytest.raises(BundleError) as caught, failure.translated("a graph"):  # type: ignore[attr-defined]
        raise RuntimeError("std::bad_alloc")
    assert "a graph cannot be loaded (there is not enough memory: std::bad_alloc); close other programs" in str(
        caught.value
    )
    assert "export the bundle again" not in str(caught.value)


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, os.strerror(errno.EMFILE))])
def test_what_the_system_lacks_while_a_library_loads_is_said_as_well(error: Exception) -> None:
    lack = shortage(error)
    assert lack is not None
    with pytest.raises(BundleError, match=lack.what), LOAD.translated("a graph"):
        raise error


def test_other_errors_of_the_system_pass_as_they_are() -> None:
    with pytest.raises(FileNotFoundError), LOAD.translated("a graph"):
        raise FileNotFoundError


def test_of_a_gpu_s_memory_the_remedy_is_the_gpu_s() -> None:
    with (
        pytest.raises(BundleError, match=r"enough memory.*free memory on the GPU, or use --"),
        onnx.GPU_LOAD.translated(),
    ):
        raise RuntimeError("CUDA failure 2: out of memory")


def test_a_command_that_lacks_something_says_that_and_no_fault_of_ngrt() -> None:
    line = error_line(MemoryError())
    assert line == f"MemoryError: there is not enough memory; {MEMORY.remedy}"
    line = error_line(RuntimeError("can't start new thread"))
    assert "fault in ngrt" not in line
    assert THREADS.remedy in line
    assert "ulimit -n" in error_line(OSError(errno.EMFILE, "Too many open files", "ng.pt"))


def test_an_error_that_hides_the_lack_says_it_all_the_same() -> None:
    error = CheckpointError("ng.pt is damaged", remedy="download it again")
    error.__cause__ = MemoryError()
    assert error_line(error) == f"ng.pt is damaged: there is not enough memory; {MEMORY.remedy}"


def test_an_engine_for_which_python_has_no_memory_says_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("ngrt.inference.open.read_manifest", lacking)
    with pytest.raises(BundleError, match="cannot be loaded: there is not enough memory; close other programs"):
        open_policy(arcade_engine())
