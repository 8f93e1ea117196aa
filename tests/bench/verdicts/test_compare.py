"""Comparing two results: intervals that hold what they promise, and verdicts by the stated rule."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.report.compare import as_markdown
from bench.schema.distribution import Distribution
from bench.schema.reader import Results
from bench.verdicts.bootstrap import FEWEST, Ratio, block_length, middle, ratio, resampled
from bench.verdicts.compare import compare
from ngrt.cli.commands import run
from ngrt.errors import SettingsError
from tests.bench.resulting import COMMITTED, content, made, times, written

Captured = pytest.CaptureFixture[str]


def correlated(random: np.random.Generator, count: int, before: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return normal samples of which each keeps ``before`` of the last."""
    fresh = random.standard_normal(count) * np.sqrt(1 - before**2)
    series = np.zeros(count)
    for place in range(count):
        series[place] = before * series[place - 1] + fresh[place] if place else random.standard_normal()
    return series


def coverage(count: int, before: float, trials: int = 150) -> float:
    """Return how often the interval holds a true ratio of 1.1 between lognormal samples."""
    hits = 0
    for trial in range(trials):
        random = np.random.default_rng(trial)
        one, other = (np.exp(0.2 * correlated(random, count, before)) for _ in range(2))
        found = ratio(one.tolist(), (1.1 * other).tolist(), seed=trial, resamples=400)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.1 <= found.high
    return hits / trials


@pytest.mark.parametrize("count", [7, 40, 200])
def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says(count: int) -> None:
    assert 0.89 <= coverage(count, 0.0) <= 0.999


def test_so_it_does_where_samples_hang_together_which_single_draws_would_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    in_blocks = coverage(300, 0.8)
    monkeypatch.setattr("bench.verdicts.bootstrap.block_length", lambda _: 1)
    assert in_blocks >= 0.83
    assert coverage(300, 0.8) < 0.75


def test_blocks_are_as_long_as_samples_hang_together() -> None:
    random = np.random.default_rng(0)
    assert block_length(random.standard_normal(600)) <= 8
    assert block_length(correlated(random, 600, 0.9)) >= 12
    assert block_length(np.ones(50)) == 1


def test_medians_are_drawn_in_whole_blocks() -> None:
    series = np.repeat([1.0, 2.0], 100)
    drawn = resampled(series, np.random.default_rng(0), 50)
    assert drawn.shape == (50,)
    assert set(drawn) <= {1.0, 2.0}
    assert block_length(series) > 10


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30))
def test_medians_are_those_of_the_tables(samples: list[float]) -> None:
    assert float(middle(np.asarray(samples))) == Distribution.of(samples).p50


several = st.lists(st.floats(1e-6, 1e3), min_size=FEWEST, max_size=40)


@settings(max_examples=50, deadline=None)
@given(several)
def test_identical_samples_are_the_same(samples: list[float]) -> None:
    found = ratio(samples, samples)
    assert found == Ratio(1.0, 1.0, 1.0)
    assert found.verdict(0.03) == "same"


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.integers(5, 60), st.floats(1.3, 20))
def test_times_that_are_longer_by_much_more_than_they_vary_are_slower_and_faster_the_other_way(
    seed: int, count: int, factor: float
) -> None:
    random = np.random.default_rng(seed)
    one = np.exp(0.02 * random.standard_normal(count)).tolist()
    other = (factor * np.exp(0.02 * random.standard_normal(count))).tolist()
    forth, back = ratio(one, other), ratio(other, one)
    assert forth is not None
    assert back is not None
    assert (forth.verdict(0.03), back.verdict(0.03)) == ("slower", "faster")
    assert forth.value * back.value == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(several, several)
def test_the_interval_encloses_its_ratio_and_is_the_same_every_time(one: list[float], other: list[float]) -> None:
    found = ratio(one, other, resamples=200)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low <= found.high
    assert found == ratio(one, other, resamples=200)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((1.04, 1.2), "slower"),
        ((1.02, 1.2), "unclear"),
        ((0.98, 1.02), "same"),
        ((0.9, 1.2), "unclear"),
        ((0.8, 0.972), "unclear"),
        ((0.8, 0.97), "faster"),
    ],
)
def test_the_verdict_needs_the_whole_interval_on_one_side(interval: tuple[float, float], verdict: str) -> None:
    assert Ratio(1.0, *interval).verdict(0.03) == verdict


def test_too_few_samples_and_medians_of_nothing_have_no_verdict() -> None:
    few = ratio([1.0] * 4, [9.0] * 40)
    assert few == Ratio(9.0, None, None)
    assert few.verdict(0.03) == "unclear"
    assert ratio([0.0] * 9, [1.0] * 9) is None
    assert ratio([-1.0] * 9, [1.0] * 9) is None


def test_samples_without_number_do_not_take_memory_without_bound() -> None:
    many = np.random.default_rng(0).random(300_000)
    assert len(resampled(many, np.random.default_rng(0), 20)) == 20


def scaled(raw: dict[str, Any], factor: float, *parts: str) -> dict[str, Any]:
    """Return a file in which every time under ``parts`` is longer, measured anew."""

    def walk(tree: Any, inside: bool, seed: int = 1) -> Any:
        if isinstance(tree, dict) and "samples" in tree:
            return times(tree["p50"] * (factor if inside else 1), len(tree["samples"]), seed=seed)
        if isinstance(tree, dict):
            return {key: walk(value, inside or key in parts, seed + 7) for key, value in tree.items()}
        return (
            [walk(value, inside, seed + place) for place, value in enumerate(tree)] if isinstance(tree, list) else tree
        )

    changed: dict[str, Any] = walk(raw, False)
    return changed


def verdicts(one: Results, other: Results, suite: str) -> set[str]:
    return {line.verdict for line in compare(one, other).lines if line.path[0] == suite}


def test_every_distribution_that_both_have_gets_a_verdict() -> None:
    one, other = made(), made(scaled(content(), 1.5, "suites"))
    found = compare(one, other)
    paths = {line.path for line in found.lines}
    assert set(one.distributions()) <= paths
    assert verdicts(one, other, "stages") == {"slower"}
    assert verdicts(one, made(scaled(content(), 1.0)), "stages") == {"same"}


def test_a_slower_machine_is_told_from_a_slower_engine() -> None:
    found = compare(made(), made(scaled(content(), 1.5, "suites")))
    shares = [line for line in found.lines if "share of the reference's" in line.path[-1]]
    assert len(shares) == 4
    assert {line.verdict for line in shares} == {"same"}
    engines = compare(made(), made(scaled(content(), 1.5, "engines")))
    assert {line.verdict for line in engines.lines if "share of the reference's" in line.path[-1]} == {"slower"}


def test_what_is_only_compared_with_is_nobodys_fault() -> None:
    found = compare(made(), made(scaled(content(), 1.5, "baselines")))
    assert {line.path[-1] for line in found.lines if line.verdict == "slower"} == {"fp32", "bf16"}
    assert found.slower == []


def test_files_of_before_compare_with_those_of_today() -> None:
    raw = content()
    raw["suites"]["chunk"]["engines"][0]["precision"] = "fp32"
    old = next(file for file in COMMITTED if "cpu-fp32" in file.name)
    found = compare(made(json.loads(old.read_text("utf-8")), old.name), made(raw))
    paths = {line.path for line in found.lines}
    assert {("chunk", "baselines", "fp32"), ("chunk", "engines", "[fp32, cpu]", "seconds")} <= paths
    assert found.differences["machine"][1] == "A Processor, Linux x86_64"
    assert ("chunk", "baselines", "bf16") in found.only[1]


def test_what_the_two_were_not_measured_alike_with_is_told() -> None:
    raw = content()
    raw["provenance"] |= {"machine": "Another, Linux x86_64", "load": 3.0, "versions": {"numpy": "2.5.0"}}
    raw["settings"]["threads"] = 4
    raw["engines"][0]["checkpoint_sha256"] = "f" * 64
    raw["suites"]["chunk"]["steps"] = 8
    found = compare(made(), made(raw)).differences
    told = {
        "machine",
        "load before",
        "numpy",
        "ngrt",
        "setting threads",
        "engine int8, checkpoint sha256",
        "chunk.steps",
    }
    assert told == set(found)
    assert found["ngrt"] == ("0.1.0", "-")


def test_a_run_at_another_time_is_no_difference() -> None:
    raw = content()
    raw["provenance"] |= {"taken": "2027-01-01T00:00:00+00:00", "load": 0.3}
    assert compare(made(), made(raw)).differences == {}


def test_results_with_nothing_in_common_are_refused_so_that_no_check_passes_for_want_of_figures() -> None:
    raw = content()
    raw["suites"] = {"startup": raw["suites"].pop("startup")}
    other = content()
    del other["suites"]["startup"]
    with pytest.raises(SettingsError, match="no distribution in common"):
        compare(made(raw), made(other))


def test_the_command_prints_80_columns_and_the_rule_and_fails_only_if_asked(tmp_path: Path, capsys: Captured) -> None:
    one = str(written(tmp_path, content(), "[red]one.json"))
    other = str(written(tmp_path, scaled(content(), 1.5, "stages"), "other.json"))
    assert run(["bench", "compare", one, other]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "[red]one.json" in text
    assert "above 1.03" in " ".join(text.split())
    assert run(["bench", "compare", one, other, "--fail-on", "slower"]) == 1
    assert run(["bench", "compare", other, one, "--fail-on", "slower"]) == 0
    assert run(["bench", "compare", one, other, "--fail-on", "slower", "--noise", "0.6"]) == 0
    assert run(["bench", "compare", one, other, "--noise", "-1"]) == 2


def test_settings_for_measuring_do_not_disturb_comparing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "[bench]\nepisodes = 3\n", "ngrt.toml")
    file = str(written(tmp_path, content()))
    assert run(["bench", "compare", file, file]) == 0
    assert "same" in capsys.readouterr().out


def test_markdown_is_a_table_that_names_cannot_break() -> None:
    raw = content()
    raw["provenance"]["machine"] = "a | b <script>"
    lines = as_markdown(compare(made(), made(raw))).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {6}
    assert "<script>" not in "".join(lines)
