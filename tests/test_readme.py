"""The README's figures are those of the committed benchmark file it points to, and its links lead somewhere."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def suites() -> dict[str, Any]:
    return measured("fp32")


def measured(what: str) -> dict[str, Any]:
    (name,) = set(re.findall(rf"bench/results/[\w.-]+-{what}\.json", README))
    found: dict[str, Any] = json.loads((ROOT / name).read_text("utf-8"))["suites"]
    return found


def test_the_figures_are_those_of_the_benchmark_file(suites: dict[str, Any]) -> None:
    chunk, load, overhead = suites["chunk"], suites["load"], suites["overhead"]["frame_to_chunk"]
    for words in (
        f"| {chunk['baseline']['p50']:.2f} s | {chunk['engine']['p50']:.2f} s |",
        f"| {chunk['work']['baseline_gflop']:.0f} GFLOP | {chunk['work']['engine_gflop']:.0f} GFLOP |",
        f"| {load['load']['p50']:.2f} s |",
        f"| {overhead['p50'] * 1e3:.1f} ms (p99 {overhead['p99'] * 1e3:.1f}) |",
        f"That is {chunk['ratio']:.1f} times faster",
        f"at most {chunk['possible']:.1f} times",
    ):
        assert words in README
    assert (chunk["steps"], chunk["threads"]) == (16, 2)
    assert f"the arcade's takes {measured('arcade')['chunk']['engine']['p50'] * 1e3:.0f} ms a chunk" in README


def test_the_lateness_of_ticks_is_that_of_the_benchmark_file() -> None:
    control = measured("control")["control"]
    assert (control["rate"], control["seconds"], control["steps"]) == (60, 60, 16)
    for words, loop, digits in (
        ("ngrt, idle", "idle", 2),
        ("ngrt, engine flat out", "loaded", 2),
        ("a loop of `asyncio.sleep(dt)`, idle", "idle_naive", 0),
        ("a loop of `asyncio.sleep(dt)`, engine flat out", "loaded_naive", 0),
    ):
        late, missed, ticks = control[loop]["late"]["p99"] * 1e3, control[loop]["missed"], control[loop]["ticks"]
        assert f"| {words} | {late:.{digits}f} ms | {missed} of {ticks} |" in README


def test_the_page_on_speed_has_the_same_figures(suites: dict[str, Any]) -> None:
    page, chunk = (ROOT / "docs" / "speed.md").read_text("utf-8"), suites["chunk"]
    work = chunk["work"]
    assert f"{work['engine_gflop']:.0f} of {work['baseline_gflop']:.0f} GFLOP" in page
    assert f"it is {work['product_gflop'] / work['product']['p50']:.0f} GFLOP/s" in page
    assert f"reaches {chunk['share']:.0%} of it" in page
    assert f"would be {chunk['possible']:.1f}\ntimes faster" in page
    assert f"it would take {work['engine_gflop'] / (chunk['baseline']['p50'] / 5):.0f} GFLOP/s" in page


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
