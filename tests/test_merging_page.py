"""The page on merging and the README have the figures of the committed closed-loop benchmark."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "merging.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
LOOP = json.loads((ROOT / "bench" / "results" / "2026-11-26-loop.json").read_text("utf-8"))["suites"]["loop"]
Name = tuple[str, str, str]
DEFAULT, REPLACE, LOCKSTEP = ("prefix", "", "steady"), ("replace", "", "fresh"), ("lockstep", "", "fresh")


def name_of(merging: dict[str, Any]) -> Name:
    return merging["mode"], f", beta {merging['beta']:g}" if merging["mode"] == "rtc" else "", merging["noise"]


CELLS: dict[tuple[Name, int], dict[str, list[float]]] = {
    (name_of(cell["setting"]["merging"]), cell["setting"]["delay"]): cell["episodes"] for cell in LOOP["delays"]
}
NAMES = list(dict.fromkeys(name for name, _ in CELLS))


def score(name: Name, delay: int) -> float:
    return float(np.mean(CELLS[name, delay]["score"]))


def forks(name: Name, delay: int) -> float:
    return sum(CELLS[name, delay]["forks_cleared"]) / sum(CELLS[name, delay]["forks_passed"])


def half_width(values: list[float]) -> float:
    return float(1.96 * np.std(values, ddof=1) / np.sqrt(len(values)))


def gain(delay: int) -> tuple[float, float]:
    one, other = CELLS[DEFAULT, delay]["score"], CELLS[REPLACE, delay]["score"]
    shared = min(len(one), len(other))
    differences = np.subtract(one[:shared], other[:shared]).tolist()
    return float(np.mean(differences)), half_width(differences)


@pytest.mark.parametrize("name", NAMES, ids="".join)
def test_every_row_of_the_tables_is_what_was_measured(name: Name) -> None:
    for value in (score, forks):
        figures = " | ".join(f"{value(name, delay):.3f}" for delay in range(10))
        assert f"| {name[0]}{name[1]} | {name[2]} | {figures} |" in PAGE


def test_the_sentences_have_the_same_figures() -> None:
    widest = max(half_width(episodes["score"]) for episodes in CELLS.values())
    assert f"at most ± {widest:.3f}" in PAGE
    for delay in range(10):
        mean, half = gain(delay)
        assert f"| {delay} | {mean:+.3f} ± {half:.3f} |" in PAGE
    for cell in LOOP["by_steps"]:
        episodes = cell["episodes"]["score"]
        assert f"| {cell['setting']['steps']} | {np.mean(episodes):.3f} ± {half_width(episodes):.3f} |" in PAGE


def test_the_readme_has_the_same_figures() -> None:
    for words, name in (("lockstep", LOCKSTEP), ("the newest chunk as it comes", REPLACE), ("ngrt's default", DEFAULT)):
        figures = " | ".join(f"{score(name, delay):.3f}" for delay in (0, 2, 4, 6, 8))
        assert f"{words} | {figures} |" in README


def test_the_default_keeps_what_it_promises() -> None:
    assert score(DEFAULT, 4) / score(LOCKSTEP, 4) >= 0.97
    assert score(DEFAULT, 8) / score(LOCKSTEP, 8) >= 0.90
    assert all(gain(delay)[0] >= 0 for delay in range(10))
    assert all(gain(delay)[0] >= 0.03 for delay in range(5, 10))
