"""A graph that was traced is copied the next time; anything that decides what it is makes another."""

from pathlib import Path

import pytest

from export.checkpoint import load_checkpoint
from export.model import NitroGen
from ngrt.policy.bundle import Graph, GraphName, Precision
from tests.conftest import PARITY
from tests.graphs import kept_in, remembering

GRAPH = "schedule.onnx"


class Writer:
    """Writes what it was given before, and counts."""

    def __init__(self, graph: Path) -> None:
        self.content = graph.read_bytes()
        self.written: list[tuple[str, str, int]] = []

    def __call__(self, name: GraphName, model: NitroGen, precision: Precision, folder: Path, limit: int) -> Graph:
        self.written.append((name, precision, limit))
        (folder / GRAPH).write_bytes(self.content)
        return Graph(file=GRAPH, sha256="0" * 64, data=(), inputs=(), outputs=())


@pytest.fixture
def writer(tiny_bundle: Path) -> Writer:
    return Writer(tiny_bundle / GRAPH)


@pytest.fixture
def model() -> NitroGen:
    return load_checkpoint(PARITY / "tiny.pt").model


def test_the_same_graph_is_written_once_and_then_copied(writer: Writer, model: NitroGen, tmp_path: Path) -> None:
    write = remembering(writer, tmp_path)
    entries = []
    for number in range(2):
        out = tmp_path / f"out-{number}"
        out.mkdir()
        entries.append(write("schedule", model, "fp32", out, 64))
        assert (out / GRAPH).read_bytes() == writer.content
    assert entries[0] == entries[1]
    assert [value.name for value in entries[0].inputs] == ["timesteps"]
    assert len(writer.written) == 1


def test_another_precision_limit_or_weight_is_another_graph(writer: Writer, model: NitroGen, tmp_path: Path) -> None:
    write = remembering(writer, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    write("schedule", model, "fp32", out, 64)
    write("schedule", model, "fp16", out, 64)
    write("schedule", model, "fp32", out, 0)
    next(model.parameters()).data.view(-1)[0] += 1
    write("schedule", model, "fp32", out, 64)
    kinds = [("fp32", 64), ("fp16", 64), ("fp32", 0), ("fp32", 64)]
    assert writer.written == [("schedule", precision, limit) for precision, limit in kinds]


def test_what_other_sources_traced_is_removed(tmp_path: Path) -> None:
    class Kept:
        def mkdir(self, name: str) -> Path:
            (tmp_path / name / "of other sources").mkdir(parents=True, exist_ok=True)
            return tmp_path / name

    folder = kept_in(Kept())  # type: ignore[arg-type]
    assert list((tmp_path / "graphs").iterdir()) == [folder]
