"""Checks of a machine: none takes another down, and what they found is told in lines that fit."""

import threading
from collections.abc import Callable

import pytest

from ngrt.doctor.checks import Check, Entry, Finding, State, run_checks
from ngrt.view.doctor import entry_lines, verdict_lines
from tests.patience import HANG


def probed(*checks: Check) -> dict[str, Finding]:
    return {entry.name: entry.finding for entry in run_checks(checks, lambda name, share: None)}


def found(state: State, text: str = "", fix: str = "") -> Callable[[], Finding]:
    return lambda: Finding(state, text, fix)


@pytest.mark.parametrize("failure", [ValueError("odd\nvalue"), SystemExit(3), KeyboardInterrupt(), ImportError()])
def test_a_check_that_fails_is_reported_in_a_line_and_the_others_run(failure: BaseException) -> None:
    def fail() -> Finding:
        raise failure

    findings = probed(Check("one", fail), Check("two", found("good", "here")))
    assert findings["one"].state == "missing"
    assert type(failure).__name__ in findings["one"].found
    assert "\n" not in findings["one"].found
    assert findings["two"] == Finding("good", "here")


def test_a_check_that_hangs_is_left_behind_with_what_mends_it_and_the_others_run() -> None:
    let_go = threading.Event()

    def hang() -> Finding:
        let_go.wait(HANG)
        return Finding("good", "late")

    findings = probed(Check("one", hang, limit=0.05, stuck="pull the plug"), Check("two", found("good")))
    let_go.set()
    assert findings["one"].state == "missing"
    assert "hangs" in findings["one"].found
    assert findings["one"].fix == "pull the plug"
    assert findings["two"].state == "good"


def test_what_needs_something_missing_is_not_checked_and_what_needs_that_neither() -> None:
    checked = []

    def note() -> Finding:
        checked.append(1)
        return Finding("good", "")

    findings = probed(
        Check("server", found("missing")),
        Check("picture", note, needs=("server",)),
        Check("rate", note, needs=("picture",)),
        Check("slow", found("limited")),
        Check("other", note, needs=("slow",)),
    )
    assert "without server" in findings["picture"].found
    assert "without picture" in findings["rate"].found
    assert len(checked) == 1, "what is limited can be checked"


def test_progress_names_every_check_before_it_runs() -> None:
    told: list[tuple[str, float]] = []
    list(run_checks([Check("one", found("good")), Check("two", found("good"))], lambda *step: told.append(step)))
    assert told == [("one", 0.0), ("two", 0.5), ("done", 1.0)]


def shown(finding: Finding, width: int | None, *, optional: bool = False) -> list[str]:
    entry = Entry(Check("pad test", lambda: finding, optional=optional), finding)
    return [line.plain for line in entry_lines([entry], width)]


def test_what_was_found_is_broken_at_the_terminal_s_width_and_a_command_never() -> None:
    finding = Finding("limited", "word " * 40, "sudo " + "x" * 200)
    lines = shown(finding, 80)
    assert all(len(line) <= 80 for line in lines[:-1])
    assert len(lines) > 3
    assert lines[-1].endswith("x" * 200)
    assert all(line.startswith(" " * 22) for line in lines[1:-1])


def test_a_pipe_gets_each_finding_on_one_line() -> None:
    assert len(shown(Finding("limited", "word " * 40, "mend it"), None)) == 2


def test_a_fix_is_told_only_of_what_is_not_good() -> None:
    assert len(shown(Finding("good", "all well", "nothing"), 80)) == 1


def test_a_library_s_words_cannot_steer_the_terminal() -> None:
    text = "".join(shown(Finding("missing", "\x1b[2Jred", "rm \x1b]0;x"), 80))
    assert "\x1b" not in text


def test_the_verdict_says_what_can_be_played_and_what_is_next() -> None:
    lines = [line.plain for line in verdict_lines({"arcade": "ngrt play"}, ["onnx runtime"], [], "ngrt play", 80)]
    assert lines[0] == "what can be played here"
    assert any("only shown" in line for line in lines), "nothing drives a game"
    assert lines[-1].split() == ["next", "ngrt", "play"]
    assert next(line.plain for line in verdict_lines({}, [], [], "mend", 80)) == "nothing can be played here"
