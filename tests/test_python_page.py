"""docs/python.md: its examples run as they stand there, one after the other."""

import re
from pathlib import Path

import pytest

import ngrt

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_examples_of_the_page_run_as_they_stand_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(EXAMPLES) == 4
    names: dict[str, object] = {}
    for example in EXAMPLES:
        exec(compile(example, str(PAGE), "exec"), names)
    own, recorded, circles, one = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d+ of 120 ticks played, chunks took [\d.]+ ms", own)
    assert re.fullmatch(r"\d+ ticks and \d+ frames kept, 0 dropped", recorded)
    assert circles == "circles, 16 steps, replace, steady noise"
    assert one.startswith("18 PadState(")


def test_all_that_the_page_names_of_ngrt_is_public() -> None:
    named = set(re.findall(r"\bngrt\.([A-Za-z_]+)", "".join(EXAMPLES)))
    assert named <= set(ngrt.__all__)


def test_what_is_public_is_there_and_listed() -> None:
    assert all(getattr(ngrt, name) is not None for name in ngrt.__all__)
    assert set(ngrt.__all__) <= set(dir(ngrt))


@pytest.mark.parametrize("role", ["FrameSource", "Pad", "Policy", "Observer"])
def test_the_page_says_what_each_role_must_have(role: str) -> None:
    page = PAGE.read_text("utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{role}` |")]
    members = [name for name in vars(getattr(ngrt, role)) if not name.startswith("_")]
    assert all(re.search(rf"`{name}\b", row) for name in members)
