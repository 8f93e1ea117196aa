"""What the hardware's limit is made of."""

from pathlib import Path

import pytest

from bench.limits import peaks
from bench.limits.onnx_work import Kind, Product, Work
from bench.limits.roofline import Ceiling, GraphLimit, Peaks, work_of
from bench.subjects.subjects import unused_backends
from ngrt.errors import CheckpointError
from ngrt.policy.bundle import read_manifest
from tests.conftest import PARITY

BIG = Product("float32", 1, 256, 1024, 4096)
PEAKS = Peaks(peak_gbytes=20.0, peak_gflops={"float32": 100.0, "int8": 400.0}, cache_bytes=10_000_000)


def work(operations: dict[Kind, int], weights: int) -> Work:
    return Work(operations, {}, weights, 0)


def test_a_graph_takes_at_least_its_arithmetic_or_its_bytes_whichever_is_longer() -> None:
    arithmetic = GraphLimit.of("observe", work({"float32": 10**9, "int8": 4 * 10**9}, 2 * 10**8), PEAKS, 0.04)
    assert arithmetic.arithmetic_seconds == pytest.approx(0.02)  # each kind at its own rate, one after the other
    assert arithmetic.memory_seconds == pytest.approx(0.01)
    assert (arithmetic.limit_seconds, arithmetic.bound) == (arithmetic.arithmetic_seconds, "arithmetic")
    assert arithmetic.share == pytest.approx(0.5)
    memory = GraphLimit.of("denoise", work({"int8": 10**9}, 4 * 10**8), PEAKS, None)
    assert (memory.limit_seconds, memory.bound, memory.share) == (memory.memory_seconds, "memory", None)


def test_what_a_cache_can_hold_need_not_come_from_memory() -> None:
    inside, outside = (GraphLimit.of("denoise", work({"float32": 1}, size), PEAKS, None) for size in (10**7, 10**7 + 1))
    assert inside.memory_seconds == 0
    assert outside.memory_seconds == pytest.approx(10**7 / 20e9, rel=1e-3)


def test_a_chunk_observes_once_and_denoises_in_every_step() -> None:
    ceiling = Ceiling(PEAKS, work({"float32": 10**9}, 0), work({"float32": 10**8}, 0))
    roof = ceiling.chunk(16, 0.052, {"observe": 0.02})
    assert roof.limit_seconds == pytest.approx(0.01 + 16 * 0.001)
    assert roof.share == pytest.approx(0.5)
    assert [graph.share for graph in roof.graphs] == [pytest.approx(0.5), None]


def test_peaks_are_the_devices_own_and_of_a_plausible_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "SECONDS", 0.02)
    monkeypatch.setattr(peaks, "STREAM_BYTES", 8 * 2**20)
    monkeypatch.setattr(peaks, "_bests", {})
    monkeypatch.setattr(peaks, "_measures", {})
    assert 1e8 < peaks.bandwidth("cpu", 1) < 1e13
    for kind in ("float32", "int8"):
        assert 1e8 < peaks.rate("cpu", kind, BIG, 1) < 1e14


def test_the_best_try_of_a_peak_counts_whenever_it_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "_bests", {})
    monkeypatch.setattr(peaks, "_measures", {})
    tries = iter([5.0, 9.0, 7.0])
    monkeypatch.setattr(peaks, "_cpu_bandwidth", lambda threads: next(tries))
    assert [peaks.bandwidth("cpu", 1), peaks.bandwidth("cpu", 1)] == [5, 5]
    for _ in range(2):
        peaks.measure_again()
        assert peaks.bandwidth("cpu", 1) == 9


def test_openvinos_peak_is_its_own_product_in_its_own_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(peaks, "SECONDS", 0.02)
    assert peaks.rate("openvino", "bfloat16", BIG, 1) > 1e8


def test_the_best_of_all_runs_counts_but_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now, takes = 0.0, iter([1.0, 20.0, 2.0, 20.0])

    def run() -> None:
        nonlocal now
        now += next(takes)

    monkeypatch.setattr("time.perf_counter", lambda: now)
    assert peaks.best(run, seconds=0) == 2.0


def test_an_engine_that_hides_its_graphs_is_counted_from_its_configuration(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    hidden = manifest.model_copy(update={"target": "tensorrt", "precision": "fp16"})
    shown = work_of(tiny_bundle, manifest, 1)
    found = work_of(PARITY, hidden, 1)  # where the tower's shape lies
    for one, other in zip(found, shown, strict=True):
        assert one.operations["float16"] == pytest.approx(other.operations["float32"], rel=0.02)
        assert one.weights == pytest.approx(other.weights / 2, rel=0.02)
    with pytest.raises(CheckpointError, match="vision tower"):
        work_of(tiny_bundle, hidden, 1)


def test_every_backend_is_measured_or_listed_with_the_reason() -> None:
    class Part:
        backend = "cpu"

    class Result:
        engines = (Part(),)

    found = unused_backends([Result()])
    assert set(found) == {"backend openvino", "backend cuda", "backend tensorrt"}
    assert all(found.values())
    assert "backend cpu" in unused_backends([])
