"""What a bundle must be to be loaded."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import ngrt
from ngrt.errors import BundleError
from ngrt.policy.bundle import read_manifest
from ngrt.view.tables import bundle_table


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    """Return a bundle that a test may damage."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        ngrt.load_policy(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_whole_bundle_is_loaded(copy: Path) -> None:
    assert ngrt.load_policy(copy).spec.action_horizon == 18


def test_a_folder_that_is_not_there_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    assert "ngrt export" in refusal(tmp_path / "nowhere")


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    assert "has no manifest.json" in refusal(tmp_path)


@pytest.mark.parametrize("graph", ["schedule", "observe", "denoise"])
def test_a_changed_graph_is_refused_with_both_hashes(copy: Path, graph: str) -> None:
    path = copy / json.loads((copy / "manifest.json").read_text())["graphs"][graph]["file"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    message = refusal(copy)
    assert path.name in message
    assert "was changed" in message
    assert "export again" in message


@pytest.mark.parametrize("graph", ["schedule", "observe", "denoise"])
def test_a_missing_graph_file_is_refused(copy: Path, graph: str) -> None:
    path = copy / json.loads((copy / "manifest.json").read_text())["graphs"][graph]["file"]
    path.unlink()
    assert f"{path.name} is missing" in refusal(copy)


def test_a_manifest_without_one_of_the_graphs_is_refused(copy: Path) -> None:
    edit(copy, lambda manifest: manifest["graphs"].pop("denoise"))
    assert "names no denoise graph" in refusal(copy)


def test_a_newer_manifest_is_refused_with_both_versions(copy: Path) -> None:
    edit(copy, lambda manifest: manifest.update(version=99))
    assert "has version 99; this ngrt reads up to 1; upgrade ngrt" in refusal(copy)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "[" * 100_000])
def test_a_manifest_that_is_damaged_is_refused(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    assert "manifest" in refusal(copy)


def test_a_manifest_with_a_field_nobody_knows_is_refused(copy: Path) -> None:
    edit(copy, lambda manifest: manifest.update(run_me="rm -rf /"))
    assert "run_me" in refusal(copy)


@pytest.mark.parametrize("name", ["../observe.onnx", "/etc/passwd", "a\\b", "", ".."])
def test_a_manifest_cannot_name_files_outside_its_folder(copy: Path, name: str) -> None:
    edit(copy, lambda manifest: manifest["graphs"]["observe"].update(file=name))
    assert "plain file name" in refusal(copy)


def test_a_manifest_of_absurd_size_is_refused_unread(copy: Path) -> None:
    with (copy / "manifest.json").open("ab") as file:
        file.truncate(17 * 2**20)
    assert "the limit is" in refusal(copy)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("action_horizon", 17, r"actions: the graphs have \[18, 25\], the policy \[17, 25\]"),
        ("action_dim", 21, r"\[18, 25\], the policy \[18, 21\]"),
        ("image_size", 128, r"frame: the graphs have \[256, 256, 3\], the policy \[128, 128, 3\]"),
        ("cross_layers", 1, "outputs of observe"),
        ("games", {"doom": 1}, "has no place for one"),
        ("game_token", True, r"\['frames'\], the policy \['frames', 'game'\]"),
    ],
)
def test_a_policy_that_its_graphs_do_not_fit_is_refused(copy: Path, field: str, value: object, words: str) -> None:
    edit(copy, lambda manifest: manifest["policy"].update({field: value}))
    assert re.search(words, refusal(copy))


def test_what_a_manifest_says_cannot_steer_the_terminal(copy: Path) -> None:
    edit(copy, lambda manifest: manifest.update(name="x[/q]", notice="\x1b]0;title\x07 [red]"))
    console = Console(file=io.StringIO(), width=200)
    console.print(bundle_table(copy, read_manifest(copy)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "x[/q]" in text
    assert "[red]" in text
    assert "\x1b" not in text
