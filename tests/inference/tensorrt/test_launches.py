"""What an engine does on the GPU: launches, captured graphs, memory, times, compiled kernels."""

import gc
import threading
from pathlib import Path

import numpy as np
import pytest

from ngrt.errors import EngineError
from ngrt.inference.on_device import Launches
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.tensorrt.engine import MOST_GRAPHS, TensorRtEngine
from ngrt.messages import Array
from tests.inference.gpu.rig import VERSION, Machine, engines_of, pretend
from tests.inference.tensorrt.chunks import assert_same, chunk, frames, noise


def test_a_chunk_is_one_launch_of_all_its_steps_and_one_wait(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    chunk(1, 4)(policy)  # captures
    before = engine.launches
    calls = len(machine.driver.calls)
    chunk(1, 4, seed=2)(policy)
    one = Launches(observe_graphs=1, denoise_graphs=1, steps=4, enqueued=0, waits=1)
    assert _since(before, engine.launches) == one
    made = machine.driver.calls[calls:]
    assert made == [
        "cudaSetDevice",
        "cudaMemcpyAsync",
        "cudaGraphLaunch",
        "cudaSetDevice",
        "cudaMemcpyAsync",
        "cudaGraphLaunch",
        "cudaMemcpyAsync",
        "cudaStreamSynchronize",
    ]
    policy.close()


def test_a_graph_holds_as_many_executions_as_there_are_steps(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    observed = policy.observe(frames(1))
    for steps in (1, 3, 16):
        before = engine.launches
        policy.denoise(observed, noise(), steps)
        policy.denoise(observed, noise(), steps)
        assert _since(before, engine.launches) == Launches(0, 2, 2 * steps, enqueued=1 + steps, waits=3)
    policy.close()


def _since(before: Launches, now: Launches) -> Launches:
    names = Launches.__slots__
    return Launches(**{name: getattr(now, name) - getattr(before, name) for name in names})


def test_graphs_are_bounded_in_number_and_made_again(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    first = chunk(1, 1)(policy)
    counts = []
    for steps in range(2, MOST_GRAPHS + 4):
        chunk(1, steps)(policy)
        counts.append(machine.driver.live)
    assert counts[-1] == counts[-2] == counts[-3]
    before = engine.launches
    assert np.array_equal(chunk(1, 1)(policy), first)
    assert _since(before, engine.launches).enqueued == 2
    policy.close()
    assert machine.driver.live == 0


def test_a_graph_that_runs_is_not_freed_for_another(
    pair: tuple[EnginePolicy, EnginePolicy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ngrt.inference.tensorrt.engine.MOST_GRAPHS", 1)
    for _ in range(2):  # the second look is of another shape than the first
        assert_same(pair, chunk(2, 3, guidance=1.5))


def test_an_engine_is_used_by_another_thread_than_opened_it(machine: Machine, onnx: Path, engines: Path) -> None:
    policy, _ = machine.open(engines)
    chunk()(policy)
    made: list[Array] = []

    def work() -> None:
        made.append(chunk(1, 3, seed=2)(policy))
        policy.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert np.abs(made[0] - chunk(1, 3, seed=2)(open_policy(onnx, threads=1))).max() < 1e-5
    assert machine.driver.live == 0


def test_closing_frees_all_and_may_be_done_twice(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines, timed=True)
    observed = policy.observe(frames(2), 1.5)
    policy.denoise(observed, noise(), 3)
    assert machine.driver.live > 0
    for _ in range(2):
        policy.close()
        assert machine.driver.live == 0
    with pytest.raises(EngineError, match="this engine was closed"):
        engine.context_of(observed.encoded)
    with pytest.raises(EngineError, match="this engine was closed"):
        policy.observe(frames(1))
    del policy, engine, observed
    gc.collect()
    assert not list(machine.trt.alive)


def test_nothing_is_measured_unless_it_is_asked_for(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    chunk()(policy)
    assert engine.times is None
    assert not [name for name in machine.driver.calls if "Event" in name]
    policy.close()


def test_the_stages_of_a_chunk_are_timed_on_the_device(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines, timed=True)
    for _ in range(3):
        chunk(2, 3, guidance=1.5)(policy)
        times = engine.times
        assert times is not None
        # the stand-in's clock counts events: a stage is one tick, and guidance has two looks
        assert (times.h2d, times.observe, times.denoise, times.d2h) == (3, 2, 1, 1)
        assert times.enqueue > 0
    events = machine.driver.calls.count("cudaEventCreateWithFlags")
    assert events == 14  # seven stages, two each; used again by each chunk
    policy.close()
    assert machine.driver.live == 0


def test_its_name_says_what_runs_where(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    assert engine.name == f"TensorRT for RTX {VERSION}, NVIDIA GeForce RTX 4090"
    policy.close()


def test_tensorrt_itself_runs_by_the_same_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, onnx: Path) -> None:
    machine = pretend(monkeypatch, tmp_path / "cache", "tensorrt")
    policy, engine = machine.open(engines_of(onnx, tmp_path / "engines", "tensorrt"))
    assert engine.name == f"TensorRT {VERSION}, NVIDIA GeForce RTX 4090"
    for guidance in (1.0, 1.5):
        assert_same((policy, open_policy(onnx, threads=1)), chunk(2, 3, guidance))
    policy.close()
    assert machine.driver.live == 0
    assert machine.driver.wrongs == []
    assert not (tmp_path / "cache").exists()


def test_bundles_of_engines_are_opened_like_any_other(machine: Machine, onnx: Path, engines: Path) -> None:
    policy = open_policy(engines)
    assert isinstance(policy.engine, TensorRtEngine)
    found = policy.predict(frames(2), noise())
    assert np.abs(found.actions - open_policy(onnx, threads=1).predict(frames(2), noise()).actions).max() < 1e-5
    policy.close()


def test_kernels_are_compiled_once_for_each_shape_and_kept_for_the_next_start(machine: Machine, engines: Path) -> None:
    for expected in (3, 3):  # two looks of different shapes, and the steps; then nothing more
        policy, _ = machine.open(engines)
        chunk(2, 3, guidance=1.5)(policy)
        chunk(2, 5, guidance=1.5)(policy)
        policy.close()
        assert len(machine.trt.compiled) == expected


def test_a_damaged_cache_of_kernels_is_no_more_than_none(machine: Machine, engines: Path, tmp_path: Path) -> None:
    policy, _ = machine.open(engines)
    chunk()(policy)
    policy.close()
    files = sorted((tmp_path / "cache" / "ngrt").iterdir())
    assert [file.suffix for file in files] == [".kernels", ".kernels"]
    good = [file.read_bytes() for file in files]
    for file in files:
        file.write_bytes(b"\xff not it")
    policy, _ = machine.open(engines)
    chunk()(policy)
    policy.close()
    assert [file.read_bytes() for file in files] == good
    assert len(machine.trt.compiled) == 4


def test_a_cache_that_cannot_be_written_does_not_matter(
    machine: Machine, engines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "file"))
    policy, _ = machine.open(engines)
    chunk()(policy)
    policy.close()
