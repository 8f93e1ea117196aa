"""Changed copies of the arcade's engine, which need no export, with hashes that fit."""

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto

from ngrt.policy.bundle import GraphName
from ngrt.policy.shipped import arcade_engine

Change = Callable[[dict[str, Any]], object]


def copied(folder: Path, change: Change = lambda manifest: None) -> Path:
    """Copy the arcade's engine to ``folder``, with a change of its manifest, and return the folder."""
    shutil.copytree(arcade_engine(), folder)
    edit(folder, change)
    return folder


def edit(folder: Path, change: Change) -> None:
    """Change the manifest in ``folder``."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def graph_of(folder: Path, name: GraphName) -> onnx.ModelProto:
    """Return a graph of the bundle in ``folder``."""
    return onnx.load(folder / f"{name}.onnx")


def put(folder: Path, name: GraphName, graph: onnx.ModelProto) -> None:
    """Write a graph into the bundle, and its hash into the manifest."""
    content = graph.SerializeToString()
    (folder / f"{name}.onnx").write_bytes(content)
    edit(folder, lambda manifest: manifest["graphs"][name].update(sha256=hashlib.sha256(content).hexdigest()))


def with_weights_in(graph: onnx.ModelProto, location: str, **places: int) -> tuple[onnx.ModelProto, bytes]:
    """Return the graph with its largest tensor in the file ``location``, and what the file must hold."""
    changed = copy.deepcopy(graph)
    tensor = max(changed.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    content = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    for key, value in ({"offset": 0, "length": len(content)} | places).items():
        tensor.external_data.add(key=key, value=str(value))
    return changed, content


def split(folder: Path, name: GraphName) -> Path:
    """Move the largest tensor of a graph to a file of its own, as large exports have it; return the file."""
    file = folder / f"{name}.onnx.data"
    graph, content = with_weights_in(graph_of(folder, name), file.name)
    file.write_bytes(content)
    put(folder, name, graph)
    entry = {"file": file.name, "sha256": hashlib.sha256(content).hexdigest()}
    edit(folder, lambda manifest: manifest["graphs"][name].update(data=[entry]))
    return file
