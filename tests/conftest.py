"""Shared by all tests."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import hypothesis  # noqa: F401  (before trio, whose hook into it warns where it is imported last)
import pytest

# before torch: the models here are small, and its threads wait for each other longer than they work
os.environ.setdefault("OMP_NUM_THREADS", "1")

DATA = Path(__file__).parent / "data"
PARITY = DATA / "parity"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Virtual time: the clock jumps to the next deadline as soon as every task waits."""
    import trio.testing

    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture(scope="session")
def bundle_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a parity case to its exported fp32 bundle; exported once, not to be changed."""
    made: dict[str, Path] = {}

    def export(case: str) -> Path:
        from export.run import export_checkpoint

        if case not in made:
            frames = json.loads((PARITY / f"{case}.json").read_text())["context_length"]
            folder = tmp_path_factory.mktemp(case) / "bundle"
            export_checkpoint(str(PARITY / f"{case}.pt"), folder, context_frames=frames)
            made[case] = folder
        return made[case]

    return export


@pytest.fixture
def tiny_bundle(bundle_of: Callable[[str], Path]) -> Path:
    """Return the exported `tiny` case; not to be changed."""
    return bundle_of("tiny")


@pytest.fixture(scope="session")
def int8_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `tiny` case exported in int8; not to be changed."""
    from export.run import export_checkpoint

    folder = tmp_path_factory.mktemp("int8") / "bundle"
    export_checkpoint(str(PARITY / "tiny.pt"), folder, precision="int8")
    return folder
