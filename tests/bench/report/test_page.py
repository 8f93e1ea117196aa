"""The page of a result: it holds everything, fetches nothing, and what is in the file stays text."""

import copy
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.report import page, svg
from bench.report.budgets import hold
from bench.report.highlights import Series, chunk_series, roofs, stage_bars, sweep_points, tiles
from bench.schema.content import SCHEMA_VERSION
from bench.schema.reader import read_results
from ngrt.cli.commands import run
from ngrt.errors import MissingExtraError
from tests.bench.resulting import COMMITTED, content, made, times, written

VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = (
    """</title></svg><script>alert(1)</script><img src="http://evil.example/x" onerror='x'>&$x^2$\\frac\n\x1b[31m"""
)


class Reader(html.parser.HTMLParser):
    """Checks that every element is closed in its turn, and keeps what there is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._keep(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._keep(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def _keep(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def with_loop() -> dict[str, Any]:
    raw = content()
    loop = next(file for file in COMMITTED if "loop" in file.name)
    raw["suites"]["loop"] = json.loads(loop.read_text("utf-8"))["suites"]["loop"]
    control = next(file for file in COMMITTED if "control" in file.name)
    raw["suites"]["control"] = json.loads(control.read_text("utf-8"))["suites"]["control"]
    return raw


@pytest.fixture(scope="module")
def whole() -> str:
    results = made(with_loop())
    return page.page(results, hold(results))


def test_it_is_whole_html_with_every_suite_and_every_plot(whole: str) -> None:
    found = Reader(whole)
    text = "".join(found.text)
    for suite in with_loop()["suites"]:
        assert page.heading(suite) in text
    plots = {"distributions", "spread", "stages", "sweep", "roofline", "lateness", "loop"}
    assert {f"plot-{name}" for name in plots} <= set(found.ids)
    assert found.tags.count("svg") == len(plots)
    for words in ("takes most of an hour", "A Processor", "int8, cpu, denoise, one step", "times faster", "20.0"):
        assert words in text


def test_it_fetches_nothing_and_runs_nothing(whole: str) -> None:
    found = Reader(whole)
    links = [value for name, value in found.attributes if name.endswith(("src", "href", "action", "data"))]
    assert links
    assert {link[:1] for link in links} == {"#"}
    assert not {"script", "link", "iframe", "object", "base", "img"} & set(found.tags)
    assert not re.search(r"https?:|@import|url\((?!#)", whole)
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_no_two_elements_have_the_same_name(whole: str) -> None:
    ids = Reader(whole).ids
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', whole))
    assert used <= set(ids)


def test_it_is_the_same_every_time(whole: str) -> None:
    results = made(with_loop())
    assert page.page(results, hold(results)) == whole


def test_plots_are_drawn_in_the_pages_own_ink_so_that_both_light_and_dark_can_be_read(whole: str) -> None:
    assert "prefers-color-scheme: dark" in whole
    assert svg.INK not in whole
    assert "currentColor" in whole
    assert "#000000" not in whole


def hostile(tree: Any) -> Any:
    """Return a tree in which every text is hostile, and one name more in every table."""
    if isinstance(tree, dict):
        return {**{key: hostile(value) for key, value in tree.items()}, HOSTILE: HOSTILE}
    if isinstance(tree, list):
        return [hostile(value) for value in tree]
    return HOSTILE if isinstance(tree, str) else tree


def test_what_is_in_the_file_stays_text() -> None:
    raw = with_loop()
    spoilt = {**raw, "provenance": {**raw["provenance"], "machine": HOSTILE, "versions": {HOSTILE: HOSTILE}}}
    spoilt |= {key: hostile(raw[key]) for key in ("settings", "engines", "suites")}
    spoilt["suites"] = {**{key: value for key, value in spoilt["suites"].items() if key != HOSTILE}, HOSTILE: {"a": 1}}
    for cell in spoilt["suites"]["sweep"]["cells"]:
        assert cell["precision"] == HOSTILE
    spoilt["not_run"] = {HOSTILE: HOSTILE}
    results = made(spoilt)
    text = page.page(results, hold(results))
    found = Reader(text)
    assert not {"script", "img"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert "\x1b" not in text
    assert {value for name, value in found.attributes if name == "src"} == set()
    assert "<script>alert(1)</script>" in "".join(found.text)
    assert "plot-sweep" in found.ids


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.name)
def test_every_committed_result_has_a_page(file: Path) -> None:
    results = read_results(file)
    text = page.page(results, hold(results))
    said = "".join(Reader(text).text)
    for suite in results.suites:
        assert page.heading(suite) in said


def without(raw: dict[str, Any], *path: str) -> dict[str, Any]:
    spoilt = copy.deepcopy(raw)
    inner = spoilt
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return spoilt


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("suites", "chunk"), {"distributions", "spread", "roofline"}),
        (("suites", "sweep"), {"sweep"}),
        (("suites", "chunk", "engines"), {"roofline"}),
        (("suites", "chunk", "baselines"), set()),
        (("suites", "stages"), set()),  # the chunk suite tells of the graphs
        (("suites", "stages", "engines"), set()),
        (("suites", "sweep", "cells"), {"sweep"}),
        (("settings",), set()),
        (("not_run",), set()),
    ],
)
def test_every_part_may_be_missing(path: tuple[str, ...], gone: set[str]) -> None:
    raw = content()
    had = {name for name in Reader(page.page(made(raw))).ids if name.startswith("plot-")}
    left = {name for name in Reader(page.page(made(without(raw, *path)))).ids if name.startswith("plot-")}
    assert had - left == {f"plot-{name}" for name in gone}


def test_a_result_of_nothing_is_still_a_page() -> None:
    assert "nothing measured" in page.page(
        made({"schema": SCHEMA_VERSION, "provenance": {}, "engines": [], "suites": {}})
    )


def test_a_loop_suite_of_another_shape_is_told_in_tables_without_its_plot() -> None:
    raw = content()
    raw["suites"]["loop"] = {"delays": [{"setting": 3}], "by_steps": [], "ceiling": 1.0}
    assert "plot-loop" not in page.page(made(raw))


def test_what_is_drawn_is_what_was_measured() -> None:
    results = made()
    series = chunk_series(results)
    assert [(one.label, one.reference) for one in series] == [
        ("reference's way, fp32", True),
        ("reference's way, bf16", True),
        ("bf16, openvino", False),
        ("int8, cpu", False),
    ]
    bars = stage_bars(results)
    assert [bar.label for bar in bars] == ["int8, cpu", "bf16, openvino"]
    assert list(bars[0].parts) == ["preprocess", "observe", "denoise, 16 steps", "decode"]
    assert bars[0].parts["denoise, 16 steps"] == pytest.approx(16 * 0.006, rel=0.02)
    assert len(sweep_points(results)) == 8
    roof = roofs(results)[0]
    assert (roof.label, roof.share) == ("int8, cpu, observe", 0.95)
    assert roof.peak_gflops == pytest.approx(2000)


def test_without_a_stages_suite_a_chunks_parts_add_up_to_it() -> None:
    raw = content()
    del raw["suites"]["stages"]
    chunk = made(raw).distributions()["chunk", "engines", "[int8, cpu]", "seconds"]
    bar = stage_bars(made(raw))[0]
    assert list(bar.parts) == ["observe", "denoise", "the rest"]
    assert sum(bar.parts.values()) == pytest.approx(sum(chunk.samples) / len(chunk.samples), rel=0.01)


def test_first_come_the_time_of_the_fastest_engine_and_how_much_faster_it_is() -> None:
    told = [(tile.name, tile.value) for tile in tiles(made())]
    assert told[0] == ("a chunk", "200 ms")
    assert [name for name, _ in told[1:3]] == ["times faster", "times faster"]
    assert ("share of the limit", "88%") in told or ("share of the limit", "87%") in told
    assert ("peak memory", "0.80 GB") in told


def test_a_p99_is_told_only_of_enough_samples() -> None:
    raw = content()
    assert "p99 over p50" not in {tile.name for tile in tiles(made(raw))}
    raw["suites"]["chunk"]["engines"][0]["seconds"] = times(0.2, 700)
    assert "p99 over p50" in {tile.name for tile in tiles(made(raw))}


def test_a_plot_takes_times_of_zero_and_below() -> None:
    times = made({**content(), "suites": {"chunk": {"baselines": {"fp32": {"samples": [-1e-3, 0.0, 1.0], "p50": 0}}}}})
    (series,) = chunk_series(times)
    assert isinstance(series, Series)
    Reader(svg.svg("a", "a", svg.distributions([series], "a chunk")))


def test_the_command_makes_a_page_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, target = written(tmp_path, content()), tmp_path / "page.html"
    assert run(["bench", "report", str(file), "--html", str(target)]) == 0
    assert "wrote" in capsys.readouterr().err
    Reader(target.read_text("utf-8"))
    assert run(["bench", "report", str(file), "--html", str(tmp_path / "no" / "page.html")]) == 1
    assert "is not a folder" in capsys.readouterr().err
    assert run(["bench", "report", str(file)]) == 2


def test_a_run_can_leave_its_page_and_refuses_before_measuring_what_it_could_not_write(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.html"
    load = ["bench", "startup", "--engine", str(tiny_bundle)]
    assert run([*load, "--html", str(target), "--json", str(tmp_path / "result.json")]) == 0
    assert "not measured" in capsys.readouterr().out
    again = tmp_path / "again.html"
    assert run(["bench", "report", str(tmp_path / "result.json"), "--html", str(again)]) == 0
    assert again.read_bytes() == target.read_bytes()

    def measured(*_: object, **__: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("bench.run.run_suites", measured)
    assert run([*load, "--html", str(tmp_path / "no" / "page.html")]) == 1
    assert "is not a folder" in capsys.readouterr().err


def test_without_matplotlib_the_extra_that_has_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"ngrt\[bench\]"):
        page.check_target(tmp_path / "page.html")


def test_on_top_stands_the_engine_that_starts_fastest_and_the_smallest() -> None:
    file = next(file for file in COMMITTED if file.name.endswith("-26-cpu.json"))
    told = {tile.name: tile for tile in tiles(read_results(file))}
    assert told["start to first action"].note.startswith("int8, cpu")
    assert told["peak memory"].note.startswith("int8, cpu")
