"""The README's figures are those of the committed benchmark file it points to, and its links lead somewhere."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def measured(what: str) -> dict[str, Any]:
    (name,) = set(re.findall(rf"bench/results/[\d-]+-{what}\.json|bench/results/[\d-]+-cpu-{what}\.json", README))
    found: dict[str, Any] = json.loads((ROOT / name).read_text("utf-8"))["suites"]
    return found


SIDES = {
    "fp32, ONNX Runtime": ("fp32", "cpu"),
    "fp32, OpenVINO": ("fp32", "openvino"),
    "bf16, OpenVINO": ("bf16", "openvino"),
    "int8, ONNX Runtime": ("int8", "cpu"),
}


def of(engines: list[dict[str, Any]], precision: str, backend: str) -> dict[str, Any]:
    (found,) = (engine for engine in engines if (engine["precision"], engine["backend"]) == (precision, backend))
    return found


def test_the_figures_of_the_engines_are_those_of_the_benchmark_file() -> None:
    suites = measured("cpu")
    chunk, startup, memory = suites["chunk"], suites["startup"]["engines"], suites["memory"]["engines"]
    assert (chunk["steps"], chunk["threads"]) == (16, 2)
    reference, half = (chunk["baselines"][precision]["p50"] for precision in ("fp32", "bf16"))
    assert f"| the reference's way, fp32 | {reference:.2f} s | 1 |" in README
    assert f"| the reference's way, bf16 autocast | {half:.2f} s | {reference / half:.1f} | 1 |" in README
    for side, which in SIDES.items():
        engine = of(chunk["engines"], *which)
        seconds = engine["seconds"]["p50"]
        whole, peak = of(startup, *which)["whole"]["p50"], of(memory, *which)["peak_bytes"]
        assert (
            f"| ngrt, {side} | {seconds:.2f} s | {reference / seconds:.1f} | {half / seconds:.1f} "
            f"| {engine['roofline']['share']:.0%} | {whole:.1f} s, {peak / 1e9:.2f} GB |"
        ) in README
    limit = of(chunk["engines"], "int8", "cpu")["roofline"]["limit_seconds"]
    assert f"for int8 {limit * 1e3:.0f} ms, {reference / limit:.0f} times the reference in fp32" in README
    assert f"{chunk['baseline_gflop']:.0f} GFLOP a chunk" in README
    seconds = of(chunk["engines"], "int8", "cpu")["seconds"]["p50"]
    assert f"At {seconds:.2f} s a chunk a policy of this size holds {9 / seconds:.0f} Hz" in README


def test_the_other_figures_of_a_chunk_are_those_of_their_files() -> None:
    seconds = measured("cpu-int8")["chunk"]["engines"][0]["seconds"]
    assert len(seconds["samples"]) >= 662
    assert f"the median took {seconds['p50'] * 1e3:.0f} ms" in README
    assert f"slowest hundredth {seconds['p99'] * 1e3:.0f} ms or more" in README
    overhead = measured("overhead")["overhead"]["frame_to_chunk"]
    assert f"takes {overhead['p50'] * 1e3:.1f} ms (p99 {overhead['p99'] * 1e3:.1f})" in README
    arcade = measured("arcade")["chunk"]["engines"][0]["seconds"]
    assert f"{arcade['p50'] * 1e3:.0f} ms a chunk" in README


def test_the_way_from_the_screen_to_a_key_is_that_of_the_benchmark_file() -> None:
    page = (ROOT / "docs" / "realtime.md").read_text("utf-8")
    rates = {rate["rate"]: rate["shown_to_received"] for rate in measured("photon")["photon"]["rates"]}
    for rate, taken in rates.items():
        assert len(taken["samples"]) >= 662
        p50, p90, p99 = (f"{taken[share] * 1e3:.1f}" for share in ("p50", "p90", "p99"))
        assert f"| {rate:g} | {p50} ms | {p90} ms | {p99} ms |" in page
        if rate < 240:
            assert f"{p50} ms at {rate:g}" in README
            assert f"(p99 {p99}" in README


def test_the_gain_of_shrinking_is_that_of_the_benchmark_file() -> None:
    (size,) = (size for size in measured("shrink")["shrink"]["sizes"] if size["size"] == "1920x1080")
    assert f"is shrunk {size['opencv']['p50'] / size['alone']['p50']:.1f} times as fast" in README


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


AIMS = {"int8, ONNX Runtime": ("int8", 18), "bf16, OpenVINO": ("bfloat16", 13), "fp32, OpenVINO": ("float32", 6.5)}


def test_the_page_on_speed_has_the_same_figures() -> None:
    page, chunk = (ROOT / "docs" / "speed.md").read_text("utf-8"), measured("cpu")["chunk"]
    reference = chunk["baselines"]["fp32"]["p50"]
    for side, (products, aim) in AIMS.items():
        engine = of(chunk["engines"], *SIDES[side])
        roof = engine["roofline"]
        assert (
            f"| {side} | {roof['peaks']['peak_gflops'][products]:.0f} | {roof['limit_seconds'] * 1e3:.0f} ms "
            f"| {reference / roof['limit_seconds']:.1f} | {aim:g} | {engine['ratios']['fp32']:.1f} |"
        ) in page


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
