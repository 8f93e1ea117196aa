"""Weights outside a graph: only in its own files, whatever runs it, and they are those that were hashed."""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngrt.errors import BundleError
from ngrt.inference.engine import Engine
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.onnx.cuda import CudaEngine
from ngrt.inference.openvino import OpenvinoEngine
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Array
from ngrt.policy.bundle import Manifest, read_manifest
from ngrt.policy.links import without_links
from ngrt.policy.shipped import arcade_engine

from .bundles import copied, edit, graph_of, put, split, with_weights_in

Make = Callable[[Path, Manifest], Engine[Any]]
ENGINES: dict[str, Make] = {
    "onnx": lambda folder, manifest: OnnxEngine(folder, manifest, 1),
    "openvino": lambda folder, manifest: OpenvinoEngine(folder, manifest, 1),
    "cuda's, on the cpu": partial(CudaEngine, device="cpu"),
}
EACH = pytest.mark.parametrize("engine", ENGINES)
FRAME = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
NOISE = np.random.default_rng(1).standard_normal((18, 25), np.float32)


def actions(engine: str, folder: Path) -> Array:
    manifest = read_manifest(folder)
    with without_links(folder, manifest) as files:  # as `open_policy` does
        opened = ENGINES[engine](files, manifest)
    with EnginePolicy(folder, manifest, opened) as policy:
        return policy.predict([FRAME], NOISE).actions


@EACH
@pytest.mark.parametrize(
    "location",
    [
        "*/_ORT_MEM_ADDR_/*",
        "/dev/zero",
        "../secret",
        "./denoise.onnx.data",
        "sub/denoise.onnx.data",
        "observe.onnx",
        "manifest.json",
        "",
        "denoise.onnx.data\0",
    ],
)
def test_a_graph_that_names_another_file_or_an_address_is_refused_before_it_is_parsed(
    engine: str, location: str, tmp_path: Path
) -> None:
    folder = copied(tmp_path / "bundle")
    split(folder, "denoise")
    (tmp_path / "secret").write_bytes(bytes(2**20))
    graph, _ = with_weights_in(graph_of(arcade_engine(), "denoise"), location)
    put(folder, "denoise", graph)
    with pytest.raises(BundleError, match=r"has weights in .*the manifest gives it denoise\.onnx\.data") as caught:
        actions(engine, folder)
    assert "\n" not in str(caught.value)


@EACH
def test_a_graph_that_was_given_no_file_may_name_none(engine: str, tmp_path: Path) -> None:
    folder = copied(tmp_path / "bundle")
    graph, content = with_weights_in(graph_of(folder, "denoise"), "weights")
    (folder / "weights").write_bytes(content)
    put(folder, "denoise", graph)
    with pytest.raises(BundleError, match="the manifest gives it no file of weights; do not use it"):
        actions(engine, folder)


@EACH
def test_a_tensor_beyond_the_end_of_its_file_is_refused(engine: str, tmp_path: Path) -> None:
    folder = copied(tmp_path / "bundle")
    file = split(folder, "denoise")
    graph, content = with_weights_in(graph_of(arcade_engine(), "denoise"), file.name, offset=4096)
    put(folder, "denoise", graph)
    with pytest.raises(BundleError, match=f"up to byte {len(content) + 4096} .*the file has {len(content)}"):
        actions(engine, folder)


@EACH
def test_weights_in_a_file_of_their_own_are_used(engine: str, tmp_path: Path) -> None:
    folder = copied(tmp_path / "bundle")
    split(folder, "denoise")
    split(folder, "observe")
    np.testing.assert_allclose(actions(engine, folder), actions("onnx", arcade_engine()), rtol=0, atol=1e-4)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@EACH
def test_a_bundle_made_of_links_is_used(engine: str, tmp_path: Path) -> None:
    """As the hub's cache keeps what it downloads."""
    folder, links = copied(tmp_path / "blobs"), tmp_path / "snapshot"
    split(folder, "denoise")
    links.mkdir()
    for number, file in enumerate(sorted(folder.iterdir())):
        blob = file.rename(folder / f"blob{number}")
        (links / file.name).symlink_to(blob)
    np.testing.assert_allclose(actions(engine, links), actions("onnx", arcade_engine()), rtol=0, atol=1e-4)


@EACH
def test_weights_that_were_changed_are_refused(engine: str, tmp_path: Path) -> None:
    folder = copied(tmp_path / "bundle")
    file = split(folder, "denoise")
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(BundleError, match=r"denoise\.onnx\.data was changed: SHA-256"):
        actions(engine, folder)


@EACH
def test_weights_that_are_changed_while_they_load_are_refused(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path / "bundle")
    file = split(folder, "denoise")
    from ngrt.policy.contents import GraphFiles

    checked = GraphFiles.check_graph

    def changing(files: GraphFiles) -> None:
        checked(files)
        if files.path.stem == "denoise":
            os.replace(Path(tmp_path, "evil"), file)

    Path(tmp_path, "evil").write_bytes(bytes(file.stat().st_size))
    monkeypatch.setattr(GraphFiles, "check_graph", changing)
    with pytest.raises(BundleError, match="was changed while it was loaded"):
        actions(engine, folder)


@EACH
@pytest.mark.skipif(os.name == "nt", reason="what is open there cannot be exchanged")
def test_a_graph_that_is_exchanged_all_the_time_is_run_as_it_should_be_or_refused(engine: str, tmp_path: Path) -> None:
    folder = copied(tmp_path / "bundle")
    right, wanted = (folder / "denoise.onnx").read_bytes(), actions(engine, folder)
    graph = graph_of(folder, "denoise")
    weights = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weights.raw_data = bytes(len(weights.raw_data))
    wrong = graph.SerializeToString()
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            for content in (wrong, right):
                (tmp_path / "next").write_bytes(content)
                os.replace(tmp_path / "next", folder / "denoise.onnx")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(4):
            try:
                np.testing.assert_array_equal(actions(engine, folder), wanted)
            except BundleError as error:
                assert "was changed" in str(error)  # noqa: PT017
    finally:
        stop.set()
        thread.join()


def test_a_file_of_weights_must_have_a_plain_name_in_the_manifest(tmp_path: Path) -> None:
    folder = copied(tmp_path / "bundle")
    split(folder, "denoise")
    edit(folder, lambda manifest: manifest["graphs"]["denoise"]["data"][0].update(file="*/_ORT_MEM_ADDR_/*"))
    with pytest.raises(BundleError, match="plain file name"):
        read_manifest(folder)
