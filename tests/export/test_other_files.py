"""What people have in place of a checkpoint, and checkpoints that others saved or keep in their own way."""

import gzip
import io
import json
import os
import struct
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.build import Source, write_manifest
from export.checkpoint import load_checkpoint, unwrapped
from export.paths import whole_folder
from ngrt.cli.commands import run
from ngrt.errors import CheckpointError

from .making import save, small_config, small_weights, write_small, write_tower


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(16)


def tar() -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("ng.pt"))
        return buffer.getvalue()


def zipped(name: str) -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, b"x" * 100)
        return buffer.getvalue()


def old_torch() -> bytes:
    with io.BytesIO() as buffer:
        torch.save({"model": {}}, buffer, _use_new_zipfile_serialization=False)
        return buffer.getvalue()


def array() -> bytes:
    with io.BytesIO() as buffer:
        np.save(buffer, np.zeros(3))
        return buffer.getvalue()


KINDS = {
    "safetensors": (safetensors(), "is a safetensors file, not made by torch.save; fetch the file itself"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer.*git lfs pull"),
    "page": (b"<!DOCTYPE html><html><title>Sign in</title></html>", r"is a web page \(HTML\)"),
    "page with a mark": (b"\xef\xbb\xbf\r\n<!-- a --><html>", r"is a web page \(HTML\)"),
    "answer": (b'{"error": "Repository not found"}', "is JSON text"),
    "gzip": (gzip.compress(b"x"), "is a gzip archive.*unpack it"),
    "tar": (tar(), "is a tar archive.*unpack it"),
    "zip": (zipped("folder/ng.pt"), r"a zip archive of other things \('folder/ng.pt'\).*unpack it"),
    "arrays": (zipped("a.npy"), "a zip archive of other things"),
    "array": (array(), "is a NumPy array"),
    "old": (old_torch(), "is in the format of torch before 1.6.*save it again"),
    "gguf": (b"GGUF\3\0\0\0", "is a GGUF file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    "empty": (b"", "it is empty, as when a download or a copy did not begin; download it again"),
    "zeros": (bytes(10**6), "it begins with zeros, as when a download did not end; download it again"),
    "begun": (b"PK\3\4" + b"x" * 1000, "its end is missing, as when a download broke off; download it again"),
    "comments": (b"<!---->" * 500, "damaged or not made by torch.save"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_checkpoint_is_told_by_its_name(kind: str, tmp_path: Path) -> None:
    content, said = KINDS[kind]
    (tmp_path / "given.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as caught:
        load_checkpoint(tmp_path / "given.pt")
    assert f"given.pt ({len(content)} bytes)" in str(caught.value)


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module.", "_fsdp_wrapped_module."],
)  # fmt: skip
def test_prefixes_of_what_wrapped_a_model_are_taken_off(prefix: str) -> None:
    named = {f"{prefix}{name}": torch.zeros(1) for name in ("model.a", "b")}
    assert list(unwrapped(named)) == ["model.a", "b"]


def test_a_part_that_was_compiled_alone_is_known(tmp_path: Path) -> None:
    write_tower(tmp_path)
    raw = small_config()
    weights = small_weights(raw, tmp_path)
    inside: dict[str, Any] = {name.replace("model.", "model._orig_mod.", 1): value for name, value in weights.items()}
    whole: dict[str, Any] = {f"module.{name}": value for name, value in weights.items()}
    for stored in (inside, whole):
        assert load_checkpoint(save(tmp_path / "wrapped.pt", raw, stored)).tensors == len(weights)


def test_prefixes_that_tell_two_tensors_apart_are_not_taken_off() -> None:
    one = torch.zeros(1)
    assert list(unwrapped({"module.a": one, "b": one})) == ["module.a", "b"]
    assert list(unwrapped({"module": one})) == ["module"]
    assert unwrapped({}) == {}
    assert len(next(iter(unwrapped({"module." * 10**5 + "a": one})))) > 10**5
    with pytest.raises(CheckpointError, match="both with and without the prefixes"):
        unwrapped({"_orig_mod.a": one, "a": one})


def test_a_downloaded_folder_is_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "nvidia" / "NitroGen"
    folder.mkdir(parents=True)
    write_small(folder).rename(folder / "ng.pt")
    monkeypatch.chdir(tmp_path)
    assert load_checkpoint(Path("nvidia/NitroGen")).path == Path("nvidia/NitroGen/ng.pt")
    assert run(["info", "nvidia/NitroGen"]) == 0


def test_a_folder_without_a_checkpoint_is_told_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "other.pt").touch()
    with pytest.raises(CheckpointError, match=r"folder without ng\.pt; name the file: .*other\.pt"):
        load_checkpoint(tmp_path)
    (tmp_path / "manifest.json").touch()
    with pytest.raises(CheckpointError, match="an engine bundle; ngrt play"):
        load_checkpoint(tmp_path)


def test_a_disk_without_modes_does_not_cost_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "chmod", refuse)
    with whole_folder(tmp_path / "bundle") as folder:
        (folder / "file").write_text("made")
    assert (tmp_path / "bundle" / "file").read_text() == "made"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux")
def test_names_that_are_not_utf8_are_taken_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / os.fsdecode(b"J\xfcrgen")
    folder.mkdir()
    path = write_small(folder)
    loaded = load_checkpoint(path)
    assert loaded.path == path
    source = Source(folder.name, replace(loaded, path=folder), "0" * 64, loaded.config.policy({}, None))
    manifest = write_manifest(source._manifest("fp32", {}), tmp_path)
    assert (manifest.name, manifest.checkpoint.file) == ("J\ufffdrgen", "J\ufffdrgen")
    assert run(["info", str(path)]) == 0
    assert run(["info", str(folder / "gone.pt")]) == 1
    assert "J\ufffdrgen/gone.pt is not a file" in capsys.readouterr().err
