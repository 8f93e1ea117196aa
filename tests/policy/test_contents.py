"""What is hashed is what is loaded, whatever happens to the files meanwhile."""

import os
import sys
from pathlib import Path

import pytest

from ngrt.errors import BundleError
from ngrt.policy.bundle import File, Graph, sha256_of
from ngrt.policy.contents import GraphFiles

GRAPH, WEIGHTS = b"the graph", b"the weights"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "g.onnx").write_bytes(GRAPH)
    (folder / "g.onnx.data").write_bytes(WEIGHTS)
    return folder


def stated(folder: Path) -> Graph:
    data = File(file="g.onnx.data", sha256=sha256_of(folder / "g.onnx.data"))
    return Graph(file="g.onnx", sha256=sha256_of(folder / "g.onnx"), data=(data,), inputs=(), outputs=())


def test_a_graph_that_is_exchanged_after_its_hash_was_taken_is_loaded_as_it_was(folder: Path) -> None:
    with GraphFiles(folder, stated(folder)) as files:
        (folder / "other").write_bytes(b"another")
        os.replace(folder / "other", folder / "g.onnx")
        assert files.content == GRAPH


def test_an_engine_that_is_mapped_is_the_one_that_was_hashed(folder: Path) -> None:
    with GraphFiles(folder, stated(folder), mapped=True) as files:
        (folder / "other").write_bytes(b"another")
        os.replace(folder / "other", folder / "g.onnx")
        assert bytes(files.content) == GRAPH
        with pytest.raises(BundleError, match=r"g\.onnx was changed while it was loaded"):
            files.check_unchanged()


def test_weights_that_nobody_touches_are_unchanged(folder: Path) -> None:
    with GraphFiles(folder, stated(folder)) as files:
        assert Path(files.pinned, "g.onnx.data").read_bytes() == WEIGHTS
        files.check_unchanged()


def exchange(folder: Path) -> None:
    (folder / "other").write_bytes(WEIGHTS)
    os.replace(folder / "other", folder / "g.onnx.data")


def exchange_and_back(folder: Path) -> None:
    os.rename(folder / "g.onnx.data", folder / "kept")
    (folder / "g.onnx.data").write_bytes(b"evil")
    os.replace(folder / "kept", folder / "g.onnx.data")


def write_into(folder: Path) -> None:
    with (folder / "g.onnx.data").open("r+b") as file:
        file.write(b"T")


def write_and_set_back(folder: Path) -> None:
    before = (folder / "g.onnx.data").stat()
    write_into(folder)
    os.utime(folder / "g.onnx.data", ns=(before.st_atime_ns, before.st_mtime_ns))


def remove(folder: Path) -> None:
    (folder / "g.onnx.data").unlink()


@pytest.mark.parametrize("change", [exchange, exchange_and_back, write_into, write_and_set_back, remove])
@pytest.mark.skipif(sys.platform == "win32", reason="what is open there cannot be exchanged")
def test_weights_that_are_changed_while_they_are_loaded_are_refused(
    change: object, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(change)
    known = stated(folder)
    os.utime(folder / "g.onnx.data", ns=(0, 0))
    with GraphFiles(folder, known) as files:
        until_the_clock_of_files_moves(folder)
        change(folder)
        with pytest.raises(BundleError, match=r"g\.onnx\.data was changed while it was loaded; load it again"):
            files.check_unchanged()


def until_the_clock_of_files_moves(folder: Path) -> None:
    """Wait some milliseconds, as hashing and loading weights does."""
    first = None
    while True:
        (folder / "clock").write_bytes(b"")
        now = (folder / "clock").stat().st_ctime_ns
        first = first or now
        if now > first:
            return


@pytest.mark.skipif(sys.platform != "linux", reason="folders are pinned by /proc")
def test_a_library_finds_the_weights_in_the_folder_that_was_checked_if_another_takes_its_name(folder: Path) -> None:
    with GraphFiles(folder, stated(folder)) as files:
        folder.rename(folder.with_name("moved"))
        folder.mkdir()
        (folder / "g.onnx.data").write_bytes(b"evil")
        assert Path(files.pinned, "g.onnx.data").read_bytes() == WEIGHTS


def test_all_that_was_opened_is_closed_again_also_where_a_file_is_refused(folder: Path) -> None:
    known = stated(folder)
    before = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else set()
    GraphFiles(folder, known).close()
    (folder / "g.onnx").write_bytes(b"changed")
    with pytest.raises(BundleError, match="was changed"):
        GraphFiles(folder, known)
    if sys.platform == "linux":
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with names")
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(folder: Path) -> None:
    known = stated(folder)
    (folder / "g.onnx").unlink()
    if sys.platform != "win32":  # for those who check types
        os.mkfifo(folder / "g.onnx")
    with pytest.raises(BundleError, match=r"g\.onnx is not a file; export the bundle again"):
        GraphFiles(folder, known)


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    known = stated(folder)
    (folder / "g.onnx").unlink()
    (folder / "g.onnx").mkdir()
    with pytest.raises(BundleError, match=r"g\.onnx is not a file"):
        GraphFiles(folder, known)
