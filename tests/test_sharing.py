"""A fixture that fails: once, and said in a line to every test that needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import HANG
from tests.sharing import once

ROOT = Path(__file__).parents[1]

TESTS = """
import pytest
from tests.sharing import SharedFailures, once

made = []

@once
def export(name):
    made.append(name)
    raise OSError("the disk is full")

@pytest.fixture(scope="session")
def engine():
    return export("tiny")

def test_one(engine): pass
def test_two(engine): pass
def test_three(): export("tiny")
def test_four(): assert made == ["tiny"]
"""


def test_what_is_made_is_made_once_a_key() -> None:
    made: list[str] = []

    @once
    def make(name: str) -> int:
        made.append(name)
        return len(made)

    assert [make("a"), make("b"), make("a")] == [1, 2, 1]
    assert made == ["a", "b"]


def test_what_cannot_be_made_is_tried_once_and_the_same_error_is_raised_again() -> None:
    tried: list[str] = []

    @once
    def make(name: str) -> None:
        tried.append(name)
        if name == "late":
            pytest.fail("Timeout")
        raise OSError("the disk is full")

    for name, kind in (("full", OSError), ("late", pytest.fail.Exception)):
        errors = []
        for _ in range(2):
            with pytest.raises(kind) as caught:
                make(name)
            errors.append(caught.value)
        assert errors[0] is errors[1]
    assert tried == ["full", "late"]


def test_the_first_failure_is_told_whole_and_the_others_name_it_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "test_shared.py"
    file.write_text(TESTS)
    (tmp_path / "conftest.py").write_text(
        "from tests.sharing import SharedFailures\n"
        "def pytest_configure(config): config.pluginmanager.register(SharedFailures())\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    told, summary = done.stdout.split("short test summary info")  # where CI is set, the summary has whole lines again
    assert "1 passed, 1 failed, 2 errors" in summary.replace("1 failed, 1 passed", "1 passed, 1 failed")
    assert told.count('raise OSError("the disk is full")') == 1
    line = "what it needs failed already, for test_shared.py::test_one: OSError: the disk is full"
    assert told.count(line) == 2
