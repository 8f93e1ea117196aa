"""Budgets: how they are read, and what the committed results and a small run make of those that come with ngrt."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.report.budgets import hold, remark, render
from bench.run import run_suites
from bench.schema.query import find
from bench.schema.reader import read_results
from bench.suites import control
from bench.suites.suite import Effort
from bench.verdicts import budgets as module
from bench.verdicts.budgets import Budget, Outcome, check, read_budgets
from ngrt.cli.commands import run
from ngrt.errors import SettingsError
from tests.bench.resulting import COMMITTED, content, made, times, written
from tests.conftest import PARITY

SPEEDUP = """
[[budget]]
name = "speed-up"
value = ["suites.chunk.baselines.fp32.p50"]
over = "suites.chunk.engines[precision=int8].seconds.p50"
at_least = {}
kind = "{}"
reason = "why not"
"""


def budget(**more: Any) -> Budget:
    plain = {
        "name": "speed-up",
        "value": ["suites.chunk.baselines.fp32.p50"],
        "over": "suites.chunk.engines.seconds.p50",
        "kind": "ratio",
        "reason": "why not",
    }
    return Budget.model_validate({**plain, **({} if "at_most" in more else {"at_least": 15.0}), **more})


def outcomes(raw: dict[str, Any] | None = None, **more: Any) -> list[Outcome]:
    return check([budget(**more)], made(raw))


SHORT = {"int8 against the reference in fp32", "int8 against the reference in bf16"}
"""What no committed result reaches although the machine allows it. docs/speed.md says how far each is."""


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.name)
def test_the_committed_results_break_no_ratio(file: Path) -> None:
    found = hold(read_results(file))
    assert {outcome.budget.name for outcome in found if outcome.broken} <= SHORT


def test_every_budget_applies_to_something_that_the_suites_write() -> None:
    raw = content()
    raw["suites"]["chunk"]["engines"].append({**raw["suites"]["chunk"]["engines"][0], "precision": "fp32"})
    raw["suites"]["chunk"]["engines"][0]["seconds"] = times(0.2, 700)
    control = next(file for file in COMMITTED if "control" in file.name)
    raw["suites"]["control"] = json.loads(control.read_text("utf-8"))["suites"]["control"]
    shrink = next(file for file in COMMITTED if "shrink" in file.name)
    raw["suites"]["shrink"] = json.loads(shrink.read_text("utf-8"))["suites"]["shrink"]
    photon = next(file for file in COMMITTED if "photon" in file.name)
    raw["suites"]["photon"] = json.loads(photon.read_text("utf-8"))["suites"]["photon"]
    found = hold(made(raw))
    assert [outcome.budget.name for outcome in found if outcome.measured is None] == []


@pytest.mark.timing
def test_a_small_run_holds_what_must_hold_at_any_size(tiny_bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    effort = Effort(threads=1, samples=10, own=(control.Settings(control_seconds=2.0),))
    run_suites(["chunk", "control"], [tiny_bundle], PARITY / "tiny.pt", file, Console(quiet=True), effort=effort)
    found = hold(read_results(file))
    told = {outcome.budget.name: outcome.verdict for outcome in found if outcome.measured is not None}
    assert len(told) == 3
    assert set(told.values()) == {"met"}, found


def test_a_limit_is_met_or_not() -> None:
    assert [(one.verdict, one.broken) for one in outcomes(at_least=11.0)] == [("met", False), ("met", False)]
    assert [(one.verdict, one.broken) for one in outcomes()] == [("met", False), ("not met", True)]
    assert [one.verdict for one in outcomes(at_most=15.0)] == ["not met", "met"]


def test_the_best_of_several_can_stand_for_all() -> None:
    (one,) = outcomes(take="best")
    assert one.measured is not None
    assert (one.verdict, one.measured.item) == ("met", "int8, cpu")


def test_where_the_machine_itself_does_not_reach_it_it_is_not_met_and_says_so_but_nothing_is_broken() -> None:
    possible = {"value": ["suites.chunk.baselines.fp32.p50"], "over": "suites.chunk.engines.roofline.limit_seconds"}
    raw = content()
    raw["suites"]["chunk"]["engines"][1]["roofline"]["limit_seconds"] = 0.3
    met, missed = outcomes(raw, possible=possible)
    assert (met.verdict, missed.verdict, missed.broken) == ("met", "not met", False)
    assert remark(missed) == "speed-up (bf16, openvino): not met; the limit measured on this machine is 13.3 times"
    raw["suites"]["chunk"]["engines"][1]["roofline"]["limit_seconds"] = 0.2
    assert outcomes(raw, possible=possible)[1].broken


def test_an_absolute_limit_is_told_but_breaks_nothing() -> None:
    found = outcomes(kind="absolute")
    assert [one.verdict for one in found] == ["met", "not met"]
    assert not any(one.broken for one in found)
    assert "no error" in remark(found[1])


def test_what_was_not_measured_is_told_and_not_taken_for_met() -> None:
    raw = content()
    del raw["suites"]["chunk"]["baselines"]["fp32"]
    (one,) = outcomes(raw)
    assert (one.verdict, one.measured) == ("not measured", None)


def test_an_engine_that_lacks_a_part_leaves_the_others_to_be_measured() -> None:
    raw = content()
    raw["suites"]["chunk"]["engines"][0]["observe"] = None
    parts = ["suites.chunk.engines.observe.total", "suites.chunk.engines.denoise.total"]
    (one,) = outcomes(raw, value=parts, over="suites.chunk.engines.seconds.total", at_least=0.8)
    assert one.measured is not None
    assert one.measured.item == "bf16, openvino"
    assert one.measured.value == pytest.approx(1.0, abs=0.01)


def test_a_figure_of_too_few_samples_is_not_measured() -> None:
    (one,) = outcomes(samples=662)
    assert (one.verdict, one.why) == ("not measured", "40 samples; it takes 662")


def test_a_busy_machine_tells_nothing_of_an_idle_one() -> None:
    raw = content()
    raw["provenance"]["load"] = 1.5
    (one,) = outcomes(raw, idle=True)
    assert (one.verdict, one.why) == ("not measured", "the machine was busy, load 1.50")
    assert len(outcomes(idle=True)) == 2


def test_a_budget_for_other_engines_does_not_apply() -> None:
    (one,) = outcomes(when={"engines.parameters": 1})
    assert one.verdict == "does not apply"
    assert len(outcomes(when={"engines.parameters": 493631513, "suites.chunk.steps": 16})) == 2


def test_nothing_is_divided_by_zero() -> None:
    raw = content()
    for engine in raw["suites"]["chunk"]["engines"]:
        engine["seconds"] = {"samples": [0.0], "p50": 0.0}
    assert [one.verdict for one in outcomes(raw)] == ["not measured"]


def test_paths_choose_items_by_what_they_are() -> None:
    tree = made().tree
    (one,) = find(tree, "suites.chunk.engines[precision=bf16, backend=openvino].ratios.fp32")
    assert one.value == pytest.approx(4.0 / 0.35)
    assert [value.item for value in find(tree, "suites.stages.engines.steps.p50")][:2] == [
        "int8, cpu, 1",
        "int8, cpu, 2",
    ]
    assert find(tree, "suites.chunk.engines[precision=fp4].seconds.p50") == []
    assert find(tree, "suites.chunk.steps.more") == []
    (count,) = find(tree, "suites.chunk.baselines.bf16.count")
    assert (count.value, count.samples) == (40, 40)


@pytest.mark.parametrize("path", ["", "a..b", "a.", ".a", "a[", "a[b]", "a[b=c", "a b", "a]b", "a[x=1]b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        find(made().tree, path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("budget = [", "is not TOML"),
        ("", "does not fit at 'budget'"),
        ("budget = []", "does not fit at 'budget'"),
        (SPEEDUP.format("18", "magic"), "does not fit at 'budget.0.kind'"),
        (SPEEDUP.format("nan", "ratio"), "does not fit at 'budget.0.at_least'"),
        (SPEEDUP.format("18\nat_most = 3", "ratio"), "either at_least or at_most"),
        (SPEEDUP.format("18", "ratio").replace("suites.chunk.base", "suites..base"), "is no path"),
        (SPEEDUP.format("18", "ratio") + "limit = 3", "does not fit at 'budget.0.limit'"),
        (SPEEDUP.format("18\nunit = 's'", "ratio").replace("over =", "# over ="), "a ratio needs two paths"),
    ],
)
def test_budgets_that_cannot_be_read_are_refused_in_one_line(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=fault) as refusal:
        read_budgets(written(tmp_path, text, "limits.toml"))
    assert "\n" not in str(refusal.value)
    assert "limits.toml" in str(refusal.value)


def test_a_budgets_file_must_be_there_and_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        read_budgets(tmp_path / "gone.toml")
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    with pytest.raises(SettingsError, match="the limit is 10"):
        read_budgets()


def test_the_command_exits_with_1_only_where_a_ratio_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(written(tmp_path, content()))
    for least, kind, code in ((18, "ratio", 0), (30, "ratio", 1), (30, "absolute", 0)):
        limits = written(tmp_path, SPEEDUP.format(least, kind), "limits.toml")
        assert run(["bench", "budgets", file, "--limits", str(limits)]) == code
        text = capsys.readouterr().out
        assert ("not met" in text) == (least == 30)
        assert max(map(len, text.splitlines())) <= 80


def test_every_budget_is_accounted_for_when_they_are_told() -> None:
    found = hold(made())
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        console.print(render(found))
    text = " ".join(capture.get().split())
    told = sum(outcome.verdict != "does not apply" for outcome in found)
    assert told >= 10
    for outcome in found:
        if outcome.verdict == "not measured":
            assert outcome.budget.name in text
