"""Shared by all tests."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis  # noqa: F401  (before trio, whose hook into it warns where it is imported last)
import pytest

from tests.graphs import TracedOnce
from tests.sharing import SharedFailures, once

# before torch: the models here are small, and its threads wait for each other longer than they work
os.environ.setdefault("OMP_NUM_THREADS", "1")

DATA = Path(__file__).parent / "data"
PARITY = DATA / "parity"


MOST_WORKERS = 4
"""Each imports torch for itself: half a gigabyte."""

LAST = "slow", "machine", "timing"
"""Markers whose tests come last, in this order: what is quick to fail fails first, and what is timed is alone."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SharedFailures())
    if config.pluginmanager.has_plugin("cacheprovider"):
        config.pluginmanager.register(TracedOnce(config.cache), TracedOnce.NAME)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many tests run at once: what is timed runs alone."""
    return min(os.cpu_count() or 1, MOST_WORKERS) if "not timing" in config.option.markexpr else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        marks = {mark.name for mark in item.iter_markers()}
        return max((number for number, name in enumerate(LAST, 1) if name in marks), default=0)

    items.sort(key=place)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Virtual time: the clock jumps to the next deadline as soon as every task waits."""
    import trio.testing

    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture
def quick_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every engine measure as one does on an idle machine: which rates are refused is then the same anywhere."""
    from ngrt.control.pacing import Latency
    from ngrt.session import prepare
    from ngrt.session.latency import measure

    def measured(*arguments: Any) -> Latency:
        return Latency(0.01, 0.001, measure(*arguments).interval)

    monkeypatch.setattr(prepare, "measure", measured)


@pytest.fixture(scope="session")
def traced_once(pytestconfig: pytest.Config) -> None:
    """Have the export stage copy graphs that were traced before, from the first export on."""
    if plugin := pytestconfig.pluginmanager.get_plugin(TracedOnce.NAME):
        plugin.start()


@pytest.fixture(scope="session")
def bundle_of(traced_once: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a parity case to its exported fp32 bundle; exported once, not to be changed."""

    @once
    def export(case: str) -> Path:
        from export.run import export_checkpoint

        frames = json.loads((PARITY / f"{case}.json").read_text())["context_length"]
        folder = tmp_path_factory.mktemp(case) / "bundle"
        export_checkpoint(str(PARITY / f"{case}.pt"), folder, context_frames=frames)
        return folder

    return export


@pytest.fixture
def tiny_bundle(bundle_of: Callable[[str], Path]) -> Path:
    """Return the exported `tiny` case; not to be changed."""
    return bundle_of("tiny")


@pytest.fixture(scope="session")
def int8_bundle(traced_once: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `tiny` case exported in int8; not to be changed."""
    from export.run import export_checkpoint

    folder = tmp_path_factory.mktemp("int8") / "bundle"
    export_checkpoint(str(PARITY / "tiny.pt"), folder, precision="int8")
    return folder
