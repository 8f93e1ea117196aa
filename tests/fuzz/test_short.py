"""The fuzzer, for a moment; the long form is run by hand (CONTRIBUTING.md)."""

import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ngrt.errors import SettingsError
from tests.fuzz import counting
from tests.fuzz.counting import fuzz, report
from tests.fuzz.kinds import KINDS
from tests.fuzz.trial import outcome


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_is_in_a_file_it_is_taken_or_refused_within_limits() -> None:
    counts = fuzz(150, seed=0)
    ends = sum(counts.values(), Counter[str]())
    assert set(ends) <= {"taken", "refused"}, report(counts)
    assert set(counts) == set(KINDS)
    assert ends.total() > 140
    assert all(count["refused"] for count in counts.values()), report(counts)


def test_what_is_wrong_is_noticed(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise ValueError(path)

    def harm(path: Path) -> None:
        raise SettingsError("\x1b", remedy="x" * 10**5)

    kind = KINDS["settings"]
    assert outcome(replace(kind, read=fail), tmp_path) == "crash ValueError"
    assert outcome(replace(kind, read=harm), tmp_path) == "refused"  # made harmless where errors are made
    assert outcome(replace(kind, read=lambda path: None), tmp_path) == "taken"


def test_what_does_not_end_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = "import sys, os, time; n = int(sys.argv[-2]); print('begin', n, flush=True); "
    hang, abort = said + "time.sleep(99)", said + "os.abort()"
    real = subprocess.Popen
    monkeypatch.setattr(counting, "SECONDS", 3.0)
    for code, how in ((hang, "hang"), (abort, "crash exit code -6")):
        monkeypatch.setattr(
            subprocess,
            "Popen",
            lambda command, code=code, **more: real([command[0], "-c", code, *command[3:]], **more),
        )
        assert list(counting._ends(tmp_path, KINDS["settings"], 0, 2)) == [(0, how), (1, how)]
