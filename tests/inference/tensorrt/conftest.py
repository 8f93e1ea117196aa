"""Bundles of engines that the stand-in runs, each made once, and the machine that seems to have a GPU."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from export.run import export_checkpoint
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from tests.export.conftest import GAMES
from tests.export.making import Changes, write_small
from tests.inference.gpu.rig import Machine, engines_of, pretend

UNALIGNED: Changes = {"modality_cfg": {"frame_per_sample": 2}, "tokenizer_cfg": {"max_sequence_length": 11}}


@pytest.fixture(scope="session")
def onnx(bundle_of: Callable[[str], Path]) -> Path:
    """Return a bundle of two frames, of which a row of keys ends where TensorRT lets the next begin."""
    return bundle_of("tiny-context-cfg")


@pytest.fixture(scope="session")
def unaligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle in half precision, of two frames and games, of which it does not."""
    folder = tmp_path_factory.mktemp("unaligned")
    export_checkpoint(str(write_small(folder, UNALIGNED, games=GAMES)), folder / "bundle", precision="fp16")
    return folder / "bundle"


@pytest.fixture(scope="session")
def engines(onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return engines_of(onnx, tmp_path_factory.mktemp("engines") / "bundle")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    machine = pretend(monkeypatch, tmp_path / "cache")
    yield machine
    assert machine.driver.wrongs == []


@pytest.fixture
def pair(machine: Machine, onnx: Path, engines: Path) -> Iterator[tuple[EnginePolicy, EnginePolicy]]:
    """Return the policy under TensorRT and under ONNX Runtime."""
    policy, _ = machine.open(engines)
    yield policy, open_policy(onnx, threads=1)
    policy.close()
    assert machine.driver.live == 0
