"""Bundles made of links, as the hub's cache keeps them."""

import os
import sys
from pathlib import Path

import pytest

from ngrt.errors import BundleError
from ngrt.policy.bundle import File, Manifest, read_manifest
from ngrt.policy.links import without_links
from ngrt.policy.shipped import arcade_engine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@pytest.fixture
def manifest() -> Manifest:
    """A manifest whose observe graph has weights in a file of their own."""
    found = read_manifest(arcade_engine())
    weights = (File(file="observe.data", sha256="0" * 64),)
    return found.model_copy(update={"graphs": found.graphs | {"observe": found.graphs["observe"].model_copy(update={"data": weights})}})  # fmt: skip  # noqa: E501


@pytest.fixture
def linked(tmp_path: Path, manifest: Manifest) -> Path:
    blobs, folder = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    folder.mkdir(parents=True)
    for name in ("schedule.onnx", "observe.onnx", "denoise.onnx", "observe.data"):
        (blobs / name.upper()).write_text(name)
        (folder / name).symlink_to(f"../../blobs/{name.upper()}")
    return folder


def test_weights_behind_links_are_files_for_as_long_as_they_are_loaded(linked: Path, manifest: Manifest) -> None:
    with without_links(linked, manifest) as folder:
        assert folder != linked
        assert {path.name: path.read_text() for path in folder.iterdir()} == {name: name for name in os.listdir(linked)}
        assert not any(path.is_symlink() for path in folder.iterdir())
        assert os.path.samefile(folder / "observe.data", linked / "observe.data")
    assert not folder.exists()
    assert len(os.listdir(linked.parents[1] / "blobs")) == 4


def test_where_the_disk_has_no_second_names_they_are_copied(
    linked: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    with without_links(linked, manifest) as folder:
        assert (folder / "observe.data").read_text() == "observe.data"
        assert not os.path.samefile(folder / "observe.data", linked / "observe.data")
    assert not folder.exists()


def test_a_bundle_of_files_or_of_links_inside_it_is_taken_as_it_is(tmp_path: Path, manifest: Manifest) -> None:
    (tmp_path / "other.data").touch()
    (tmp_path / "observe.data").symlink_to("other.data")
    with without_links(tmp_path, manifest) as folder:
        assert folder == tmp_path
    with without_links(arcade_engine(), read_manifest(arcade_engine())) as folder:
        assert folder == arcade_engine()


def test_a_link_that_leads_nowhere_is_told(linked: Path, manifest: Manifest) -> None:
    (linked.parents[1] / "blobs" / "OBSERVE.ONNX").unlink()
    with pytest.raises(BundleError, match=r"observe\.onnx is missing; fetch"), without_links(linked, manifest):
        pass
    assert len(os.listdir(linked.parents[1] / "blobs")) == 3
