"""Reading result files back: whole ones, those of other versions, and what only seems to be one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.schema import reader as reading
from bench.schema.content import SCHEMA_VERSION
from bench.schema.distribution import in_words
from bench.schema.labels import label, words
from bench.schema.reader import MOST_BYTES, parse, read_results
from ngrt.cli.commands import run
from ngrt.errors import SettingsError
from tests.bench.resulting import COMMITTED, content, made, written


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.name)
def test_every_committed_result_is_read_with_all_its_distributions(file: Path) -> None:
    found = read_results(file)
    assert set(found.suites) == set(json.loads(file.read_text("utf-8"))["suites"])
    assert len(found.distributions()) == file.read_text("utf-8").count('"samples": [')


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.name)
def test_every_committed_result_says_the_schema_that_is_written_today(file: Path) -> None:
    assert json.loads(file.read_text("utf-8"))["schema"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "does not say its schema"),
        ({"schema": 1}, "has schema '1'"),
        ({"schema": SCHEMA_VERSION + 1}, f"has schema '{SCHEMA_VERSION + 1}'"),
        ({"schema": True}, "has schema 'True'"),
        ({"schema": float(SCHEMA_VERSION)}, f"has schema '{SCHEMA_VERSION}.0'"),
        ({"schema": [9] * 1_000}, "has schema '[9, 9, 9"),
    ],
)
def test_a_file_of_another_schema_is_refused_with_the_one_that_is_read_and_what_to_do(
    schema: dict[str, Any], said: str, tmp_path: Path
) -> None:
    raw = {name: value for name, value in content().items() if name != "schema"} | schema
    with pytest.raises(SettingsError) as refusal:
        read_results(written(tmp_path, raw))
    error = refusal.value
    assert f"result.json {said}" in error.problem
    assert error.value == schema.get("schema")
    assert error.limit == f"this ngrt reads schema {SCHEMA_VERSION}"
    assert error.remedy == "read it with the ngrt that wrote it, or measure again with ngrt bench --json"
    assert str(error).endswith(f"; {error.limit}; {error.remedy}")


def test_a_distribution_is_that_of_its_samples_whatever_the_file_says_of_it() -> None:
    raw = content()
    raw["suites"]["chunk"]["baselines"]["fp32"] |= {"p50": 1e-9, "samples": [1.0, 2.0, 3.0]}
    assert made(raw).distributions()["chunk", "baselines", "fp32"].p50 == 2.0


def test_items_are_told_apart_by_what_they_are_and_by_their_name_only_where_nothing_else_does() -> None:
    raw = content()
    engines = raw["suites"]["chunk"]["engines"]
    engines.append({**engines[0], "name": "another"})
    found = {path[2] for path in made(raw).distributions() if path[:2] == ("chunk", "engines")}
    assert found == {"[int8-cpu, int8, cpu]", "[bf16, openvino]", "[another, int8, cpu]"}
    engines.append(engines[-1])
    assert len([path for path in made(raw).distributions() if path[::3] == ("chunk", "observe")]) == 4


def test_paths_are_said_in_words() -> None:
    assert words(("steps", "[3]")) == "step 3"
    assert words(("baselines", "bf16")) == "reference's way, bf16"
    assert words(("engines", "[int8, cpu]", "seconds"), "chunk") == "int8, cpu, a chunk"
    assert label({"setting": {"merging": {"mode": "rtc", "beta": 2.0}, "delay": 4}}) == "d = 4, rtc, beta 2.0"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 us"), (5e-8, "0.05 us"), (9.999e-4, "1 ms"), (0.0123, "12.3 ms"), (83.3, "83.3 s")]
)
def test_times_are_said_in_the_unit_that_suits_them(seconds: float, said: str) -> None:
    assert in_words(seconds) == said


def nested(depth: int) -> dict[str, Any]:
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return {**content(), "suites": {"chunk": {"deep": inner}}}


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("\x00\x01", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"a": NaN}', "NaN is no number"),
        ("9" * 5_000, "is not JSON"),
        ("[1, 2]", "holds list"),
        ({}, "does not say its schema"),
        ({"schema": SCHEMA_VERSION}, "does not fit at 'provenance'"),
        ({**content(), "suites": 3}, "does not fit at 'suites'"),
        ({**content(), "suites": {"chunk": "fast"}}, "does not fit at 'suites.chunk'"),
        ({**content(), "provenance": {"cores": -1}}, "does not fit at 'provenance.cores'"),
        ({**content(), "suites": {"a": {"x": {"samples": [], "p50": 1}}}}, "without samples"),
        ({**content(), "suites": {"a": {"x": {"samples": "fast", "p50": 1}}}}, "without samples"),
        ({**content(), "suites": {"a": {"x": {"samples": [True], "p50": 1}}}}, "not finite numbers"),
        ({**content(), "suites": {"a": {"x": {"samples": ["1"], "p50": 1}}}}, "not finite numbers"),
        (
            json.dumps(content() | {"suites": {"a": {"x": {"samples": ["?"], "p50": 1}}}}).replace('"?"', "1e999"),
            "not finite numbers",
        ),
        ({**content(), "suites": {"a": {"x": {"samples": [10**400], "p50": 1}}}}, "not finite numbers"),
        ({**content(), "suites": {"a": {"x": 10**400}}}, "too large"),
        (nested(40), "nested deeper"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line_that_says_what_to_give(raw: Any, fault: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=fault) as refusal:
        read_results(written(tmp_path, raw))
    text = str(refusal.value)
    assert "result.json" in text
    assert "ngrt bench --json" in text
    assert "\n" not in text
    assert len(text) < 500 + len(str(tmp_path))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.json"
    with file.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(SettingsError, match=f"has {MOST_BYTES + 1} bytes; the limit is {MOST_BYTES}"):
        read_results(file)


def test_more_distributions_than_any_run_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_DISTRIBUTIONS", 5)
    with pytest.raises(SettingsError, match="the limit is 5"):
        made()


@pytest.mark.parametrize("command", [["compare", "gone.json", "gone.json"], ["budgets", "gone.json"]])
def test_the_commands_name_a_file_that_is_not_there(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", *command]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "gone.json does not exist" in captured.err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(suites=st.dictionaries(st.text(max_size=8), JSON, max_size=3), engine=JSON, chunk=JSON)
def test_whatever_is_in_a_file_it_is_read_or_refused(suites: dict[str, Any], engine: Any, chunk: Any) -> None:
    chunks = {"baselines": chunk, "engines": chunk}
    raw = {"schema": SCHEMA_VERSION, "provenance": {}, "engines": engine, "suites": {**suites, "chunk": chunks}}
    refused = ""
    try:
        found = parse(json.dumps(raw), "any")
    except SettingsError as error:
        refused = str(error)
    else:
        assert set(found.suites) == set(raw["suites"])
    assert "\n" not in refused
