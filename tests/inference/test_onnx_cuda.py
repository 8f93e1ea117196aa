"""The CUDA engine: what it counts and keeps, with its buffers on the CPU; its options against the installed library."""

import mmap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from ngrt.errors import BundleError, EngineError
from ngrt.inference.onnx import bound, cuda, device
from ngrt.inference.onnx.cuda import CudaEngine
from ngrt.inference.onnx.device import CUDA_OPTIONS, GRAPH_ID, NO_WAIT, SESSION_OPTIONS, Pack, why_no_cuda
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.policy.bundle import read_manifest

LIBRARIES = Path(onnxruntime.__file__).parent / "capi"
FRAME = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)
on_no_gpu = pytest.mark.skipif(not why_no_cuda(), reason="there is a GPU here")


@pytest.fixture
def engine(tiny_bundle: Path) -> Iterator[CudaEngine]:
    made = CudaEngine(tiny_bundle, read_manifest(tiny_bundle), device="cpu")
    yield made
    made.close()


@pytest.fixture
def policy(engine: CudaEngine, tiny_bundle: Path) -> EnginePolicy:
    return EnginePolicy(tiny_bundle, read_manifest(tiny_bundle), engine)


def test_the_first_chunk_of_a_kind_is_captured_and_the_others_replay_it(
    engine: CudaEngine, policy: EnginePolicy
) -> None:
    launches = engine.launches
    policy.predict([FRAME], steps=4)
    assert (launches.observe_graphs, launches.denoise_graphs, launches.steps, launches.enqueued) == (0, 0, 0, 5)
    for number in (1, 2):
        policy.predict([FRAME], steps=4)
        assert (launches.observe_graphs, launches.denoise_graphs, launches.steps) == (number, number, 4 * number)
    assert launches.enqueued == 5
    policy.predict([FRAME], steps=2)
    assert (launches.observe_graphs, launches.denoise_graphs, launches.enqueued) == (3, 2, 7)


def test_the_host_waits_twice_a_chunk_once_all_is_captured(engine: CudaEngine, policy: EnginePolicy) -> None:
    policy.predict([FRAME], steps=8)
    before = engine.launches.waits
    policy.predict([FRAME], steps=8)
    assert engine.launches.waits - before == 2


def test_every_step_is_a_graph_of_its_own(engine: CudaEngine, policy: EnginePolicy) -> None:
    for steps in (3, 2):
        policy.predict([FRAME], steps=steps)
    chunks = engine._rows.get(1, pytest.fail).chunks
    ids = [step._id for steps in (3, 2) for step in chunks.get(steps, pytest.fail)._steps]
    assert ids == [1, 2, 3, 4, 5]


def test_no_more_is_captured_than_the_limit_and_the_rest_runs_all_the_same(
    engine: CudaEngine, policy: EnginePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "MOST_CAPTURED", 2)
    noise = policy.draw_noise()
    first = policy.predict([FRAME], noise, steps=3).actions
    for _ in range(2):
        policy.predict([FRAME], noise, steps=2)
    assert engine.launches.steps == 0
    assert (policy.predict([FRAME], noise, steps=3).actions == first).all()
    assert engine.launches.steps == 3


def test_memory_is_kept_for_a_bounded_number_of_shapes_and_steps(engine: CudaEngine, policy: EnginePolicy) -> None:
    noise = policy.draw_noise()
    first = policy.predict([FRAME], noise, steps=1).actions
    for steps in range(1, 3 * bound.MOST_CHUNKS):
        policy.predict([FRAME], steps=steps)
    assert len(engine._rows.get(1, pytest.fail).chunks) == bound.MOST_CHUNKS
    side = policy.spec.image_size
    for branches in range(2, 3 * cuda.MOST_ROWS):
        policy.denoise(policy.observe_each(np.zeros((branches, 1, side, side, 3), np.uint8)), noise, 2)
    assert len(engine._rows) == cuda.MOST_ROWS
    assert (policy.predict([FRAME], noise, steps=1).actions == first).all()


def test_an_observation_that_another_replaced_is_refused(policy: EnginePolicy) -> None:
    older = policy.observe([FRAME])
    newer = policy.observe([FRAME[::-1]])
    replaced = "another observation has replaced this one on the device; observe again"
    with pytest.raises(EngineError, match=replaced):
        policy.denoise(older, policy.draw_noise(), 2)
    with pytest.raises(EngineError, match=replaced):
        assert older.context is not None
    assert policy.denoise(newer, policy.draw_noise(), 2).shape == (1, 18, 25)


def test_all_runs_are_in_one_thread_whoever_asks(
    engine: CudaEngine, policy: EnginePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime keeps captured graphs by thread: one captured at warm-up must be found by the thread that plays."""
    threads: set[str] = set()
    plain = device.Bound.run

    def watched(bound: device.Bound, *, wait: bool) -> bool:
        threads.add(threading.current_thread().name)
        return plain(bound, wait=wait)

    monkeypatch.setattr(device.Bound, "run", watched)
    policy.predict([FRAME], steps=2)
    asking = threading.Thread(target=policy.predict, args=([FRAME],), kwargs={"steps": 2})
    asking.start()
    asking.join()
    assert len(threads) == 1
    assert engine.launches.denoise_graphs == 1


def test_a_closed_engine_says_so(engine: CudaEngine, policy: EnginePolicy) -> None:
    policy.close()
    with pytest.raises(EngineError, match="this engine was closed; open the bundle again"):
        policy.predict([FRAME])


def test_half_precision_keys_and_values_stay_where_they_are(tmp_path: Path) -> None:
    from export.run import export_checkpoint
    from tests.conftest import PARITY

    export_checkpoint(str(PARITY / "tiny.pt"), tmp_path / "half", precision="fp16")
    manifest = read_manifest(tmp_path / "half")
    half = EnginePolicy(tmp_path / "half", manifest, CudaEngine(tmp_path / "half", manifest, device="cpu"))
    plain = open_policy(tmp_path / "half", backend="cpu", threads=1)
    noise = plain.draw_noise()
    found = half.predict([FRAME], noise, guidance=2.0).actions
    np.testing.assert_allclose(found, plain.predict([FRAME], noise, guidance=2.0).actions, rtol=0, atol=1e-6)
    half.close()


def test_tensors_of_a_pack_are_aligned_as_allocations_are() -> None:
    pack = Pack("cpu", {"a": (3,), "b": (2, 64), "c": (1, 5, 7), "d": (2,)})
    places = {name: pack.place(name) for name in pack.host}
    start = places["a"].address
    assert [place.address - start for place in places.values()] == [0, 256, 768, 1024]
    assert pack.place("b", 1).address - places["b"].address == 256
    assert pack.place("b", 1, ()).shape == ()
    assert pack.place("b", 1).shape == (64,)


def known(library: str, name: str) -> bool:
    """Return whether ``name`` stands for itself among the strings of a library."""
    (path,) = LIBRARIES.glob(library)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"\0" + name.encode() + b"\0") >= 0


@pytest.mark.skipif(not list(LIBRARIES.glob("*providers_cuda*")), reason="this ONNX Runtime is built without CUDA")
@pytest.mark.parametrize("name", [*CUDA_OPTIONS, CUDA_OPTIONS["arena_extend_strategy"]])
def test_the_provider_s_options_are_known_to_the_installed_library(name: str) -> None:
    assert known("*providers_cuda*", name)
    assert not known("*providers_cuda*", name + "x")


@pytest.mark.parametrize("name", [GRAPH_ID, NO_WAIT, *SESSION_OPTIONS])
def test_the_options_of_runs_and_sessions_are_known_to_the_installed_library(name: str) -> None:
    assert known("*pybind11_state*", name)
    assert not known("*pybind11_state*", name + "x")


@on_no_gpu
def test_without_a_gpu_it_is_refused_with_the_way_out(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"cannot run on a GPU here: .*; leave --backend out, or use --backend cpu"):
        open_policy(tiny_bundle, backend="cuda")


@on_no_gpu
@pytest.mark.skipif("CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason="built without CUDA")
def test_a_gpu_without_cuda_s_libraries_is_refused_quietly_with_the_command_that_installs_them(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cuda, "why_no_cuda", lambda: "")
    with pytest.raises(BundleError, match=r"does not find its CUDA and cuDNN libraries; pip install 'onnxruntime-gpu"):
        open_policy(tiny_bundle, backend="cuda")
    assert capfd.readouterr() == ("", "")


def test_an_onnx_runtime_without_cuda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert "pip install onnxruntime-gpu" in why_no_cuda()
