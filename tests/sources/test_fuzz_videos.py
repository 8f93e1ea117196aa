"""The short form of the fuzzer of videos and pictures; the long one is run by hand."""

import time
from pathlib import Path

import numpy as np
import pytest

from tests.sources import fuzz_videos
from tests.sources.fuzz_videos import IMAGES, VIDEOS, cases, mutated, seeds, tried


@pytest.mark.slow
def test_damaged_videos_and_pictures_are_read_or_refused(tmp_path: Path) -> None:
    outcomes = [case for _, case in cases(3 * (len(VIDEOS) + len(IMAGES)), 1, tmp_path)]
    assert [case for case in outcomes if case.outcome not in {"read", "refused"}] == []
    assert {case.outcome for case in outcomes} == {"read", "refused"}


def test_whole_videos_and_pictures_are_read(tmp_path: Path) -> None:
    whole = seeds(tmp_path)
    assert len(whole) > 12
    assert {tried(path).outcome for path in whole} == {"read"}


def test_what_crashes_and_what_hangs_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_videos, "SECONDS", 0.5)
    monkeypatch.setattr(fuzz_videos, "child", hanging)
    assert tried(tmp_path / "x").outcome == "hang"
    monkeypatch.setattr(fuzz_videos, "SECONDS", 60.0)
    monkeypatch.setattr(fuzz_videos, "child", dying)
    case = tried(tmp_path / "x")
    assert (case.outcome, case.said) == ("crash", "exit code 9")


def hanging(*_: object) -> None:
    time.sleep(60)


def dying(*_: object) -> None:
    raise SystemExit(9)


def test_the_same_seed_damages_in_the_same_way() -> None:
    data = bytes(range(256)) * 4
    one, other = (mutated(data, np.random.default_rng(3)) for _ in range(2))
    assert one == other != data
