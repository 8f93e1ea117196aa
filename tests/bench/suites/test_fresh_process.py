"""Start-up and memory are those of a process of their own."""

from pathlib import Path

import pytest

from bench.suites.fresh_process import STATUS, start
from bench.suites.memory import measure as memory
from bench.suites.startup import measure as startup
from ngrt.errors import BundleError


def test_a_fresh_process_tells_each_part_of_its_start_and_the_whole_is_more_than_all(tiny_bundle: Path) -> None:
    found = start(tiny_bundle, 1)
    parts = (found.imports, found.load, found.warm_up, found.first_action)
    assert all(part > 0 for part in parts)
    assert found.whole > sum(parts)
    assert found.backend == "cpu"


@pytest.mark.skipif(not STATUS.is_file(), reason="this system does not tell")
def test_memory_grows_from_imports_to_the_peak(tiny_bundle: Path) -> None:
    (found,) = memory([tiny_bundle], 1, processes=1).engines
    assert 20e6 < found.after_imports < found.after_load <= found.after_chunk <= found.peak_bytes < 2e9
    assert found.bundle_bytes == sum(file.stat().st_size for file in tiny_bundle.glob("*.onnx*"))


def test_the_first_start_warms_the_files_and_is_not_counted(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def counted(engine: Path, threads: int) -> object:
        starts.append(start(engine, threads))
        return starts[-1]

    monkeypatch.setattr("bench.suites.startup.start", counted)
    (found,) = startup([tiny_bundle], 1, starts=1).engines
    assert len(starts) == 2
    assert found.load.samples == (starts[1].load,)


def test_a_process_that_fails_to_load_says_why(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"process of its own .*no engine bundle"):
        start(tmp_path / "gone", 1)
