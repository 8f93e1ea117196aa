"""Text files read within limits: bytes, depth and count are known before the parsing."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.schema import query
from bench.verdicts.budgets import read_budgets
from ngrt.cli.commands import run
from ngrt.errors import BundleError, SettingsError
from ngrt.pads.keyboard_mapping import load_mapping
from ngrt.policy.bundle import read_manifest
from ngrt.policy.shipped import arcade_engine
from ngrt.reading import MOST_DEEP, MOST_FAULTS, check_depth, decoded, first_fault, parse_json, parse_toml, read_whole

MARK = b"\xef\xbb\xbf"
SECONDS, MEGABYTES = 5.0, 64


@pytest.mark.parametrize("content", [b"a = 1\n", MARK + b"a = 1\n", MARK + b"a = 1\r\n"])
def test_a_byte_order_mark_is_no_text(content: bytes) -> None:
    assert parse_toml(content) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a = 1".encode("utf-16"), "it is text in UTF-16; save it as UTF-8"),
        ("\ufeffa = 1".encode("utf-16-be"), "it is text in UTF-16; save it as UTF-8"),
        ("a = 1".encode("utf-16-le"), "it has zero bytes, as UTF-16 does; save it as UTF-8"),
        ("a = 1".encode("utf-32"), "it is text in UTF-32; save it as UTF-8"),
        ('a = 1\nb = "J\xfcrgen"'.encode("latin-1"), "line 2 is not UTF-8; save it as UTF-8"),
    ],
)
def test_other_text_is_told_by_its_name(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decoded(content)


@pytest.mark.parametrize("mark", [b"", MARK])
def test_every_text_file_may_begin_with_a_byte_order_mark(
    mark: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    budget = '[[budget]]\nname = "a"\nreason = "b"\nkind = "ratio"\nunit = "share"\nvalue = ["a"]\nat_most = 1\n'
    (tmp_path / "keys.toml").write_bytes(mark + b'[buttons]\nSOUTH = "space"\n')
    (tmp_path / "limits.toml").write_bytes(mark + budget.encode())
    (tmp_path / "ngrt.toml").write_bytes(mark + b'[play]\nimage = ["gone.png"]\n')
    (tmp_path / "manifest.json").write_bytes(mark + (arcade_engine() / "manifest.json").read_bytes())
    assert load_mapping(tmp_path / "keys.toml").names == {"space"}
    assert [budget.name for budget in read_budgets(tmp_path / "limits.toml")] == ["a"]
    assert read_manifest(tmp_path) == read_manifest(arcade_engine())
    assert run(["doctor", "--no-such-flag"]) == 2


BOMBS = {
    "a key of 30,000 parts": b"play." + b"a." * 30_000 + b"b = 1",
    "quoted parts": b'"a".' * 16_000 + b"b = 1",
    "a table's name": b"[" + b"a." * 30_000 + b"b]",
    "brackets": b"[play]\nx = " + b"[" * 60_000,
    "tables in tables": b"x = " + b"{a = " * 12_000,
    "a long word": b"a" * 65_000,
    "quotes": b'"' * 65_000,
    "three quotes": b"'''a" * 16_000,
    "digits": b"x = " + b"9" * 65_000,
    "a key behind text that ends with a quote": b"x = ['''a'''', 'b', {" + b"a." * 30_000 + b"b = 1}]",
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS.keys())
def test_settings_that_would_take_for_ever_are_refused_in_no_time_and_memory(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ngrt.toml").write_bytes(content)
    began = time.process_time()
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"."):
        parse_toml(content)
    for reads in (load_mapping, read_budgets):
        with pytest.raises(SettingsError, match="is not TOML"):
            reads(tmp_path / "ngrt.toml")
    assert run(["play"]) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    said = capsys.readouterr().err
    assert "ngrt.toml is not TOML" in said
    assert said.count("\n") == 1
    assert len(said) < 500
    assert time.process_time() - began < SECONDS
    assert peak < MEGABYTES * 2**20


def test_more_settings_than_anyone_writes_are_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"#" * 1001)
    with pytest.raises(ValueError, match="it has more than 1000 bytes"):
        read_whole(tmp_path / "large", 1000)
    assert len(read_whole(tmp_path / "large", 1001)) == 1001


def test_what_settings_look_like_is_read() -> None:
    text = '[play]\nwindow = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r [[[[["  # [[[[ a.b\nimage = [["a"], [{b.c.d = 1}]]\n'
    assert parse_toml(text.encode())["play"]["image"] == [["a"], [{"b": {"c": {"d": 1}}}]]


def test_json_is_counted_before_it_is_parsed() -> None:
    assert parse_json(MARK + b'{"a": [1, 2]}', 3) == {"a": [1, 2]}
    with pytest.raises(ValueError, match="more than 3 values"):
        parse_json(b"[[], [], []]", 3)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(b"[" * 100_000, 10**6)
    with pytest.raises(ValueError, match=r"^NaN"):
        parse_json(b"[NaN]", 10, lambda name: (_ for _ in ()).throw(ValueError(name)))


def test_depth_is_counted_without_going_deep() -> None:
    value: object = 1
    for _ in range(MOST_DEEP - 1):
        value = [{"a": 1}, value]
    check_depth(value)
    check_depth("text")
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        check_depth([value])
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        check_depth(json.loads("[" * 900 + "]" * 900))


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def test_the_first_fault_is_told_and_very_many_are_only_counted() -> None:
    for count, said in ((2, ("a0", "Extra inputs are not permitted", "0")), (MOST_FAULTS + 1, ("", f"{MOST_FAULTS + 1} values do not fit", ""))):  # fmt: skip  # noqa: E501
        with pytest.raises(ValidationError) as caught:
            Strict.model_validate({f"a{number}": number for number in range(count)})
        assert first_fault(caught.value) == said


def manifest_of(tmp_path: Path, **changes: object) -> str:
    content = json.loads((arcade_engine() / "manifest.json").read_text("utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(content | changes))
    with pytest.raises(BundleError) as caught:
        read_manifest(tmp_path)
    text = str(caught.value)
    assert len(text) < 500 + len(str(tmp_path))
    return text


def test_a_manifest_has_no_more_in_it_than_a_policy_needs(tmp_path: Path) -> None:
    graphs = json.loads((arcade_engine() / "manifest.json").read_text("utf-8"))["graphs"]
    part = {"file": "a", "sha256": "0" * 64}
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    many = {f"a{number}": number for number in range(50_000)}
    graphs["observe"]["data"] = [part] * 65
    assert "50000 values do not fit" in manifest_of(tmp_path, **many)
    assert "more than 400000 values" in manifest_of(tmp_path, config={"a": [0] * 400_000})
    assert "nested more than 32 deep" in manifest_of(tmp_path, config={"a": deep})
    assert "graphs.observe.data" in manifest_of(tmp_path, graphs=graphs)
    assert "xxx... is not a plain file name" in manifest_of(
        tmp_path, graphs=graphs | {"observe": graphs["observe"] | {"file": "x/" + "x" * 10**6, "data": []}}
    )


def test_a_path_of_a_budget_is_checked_in_no_time() -> None:
    began = time.process_time()
    for path in ("v[a=bbb" + "=bbb" * 45, "v[" + "a=b, " * 38 + "!", "a" * 200 + "!", "a." * 99 + "!"):
        with pytest.raises(ValueError, match="is no path"):
            query.check(path)
    assert query.check("a[b=c, d=e].f") == "a[b=c, d=e].f"
    assert query.check("a[b=c x,d=e]") == "a[b=c x,d=e]"
    assert time.process_time() - began < SECONDS
