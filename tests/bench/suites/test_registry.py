"""One registry of suites: what is in it is there, the command and the pages know it, and it runs with what it needs."""

import importlib
import pkgutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import pytest

from bench import suites
from bench.suites import loop, overhead
from bench.suites.registry import BY_DEFAULT, LONG, SUITES, suite_title
from bench.suites.suite import Effort, Inputs, LackingError, Suite
from ngrt.cli.bench import bench
from ngrt.cli.commands import run

DOCS = Path(__file__).parents[3] / "docs"
NEED_ONNX = {"chunk", "stages", "sweep"}
"""Suites that also need torch, or count what is in the graphs."""


def modules() -> list[ModuleType]:
    """Return every file of the room."""
    found = pkgutil.walk_packages(suites.__path__, f"{suites.__name__}.")
    return [importlib.import_module(one.name) for one in found]


def test_every_file_that_can_prepare_a_suite_has_its_row_and_every_row_its_file() -> None:
    rows = {f"{suites.__name__}.{suite.module or suite.name}" for suite in SUITES.values()}
    assert {module.__name__ for module in modules() if hasattr(module, "prepare")} == rows


def test_the_command_takes_every_suite_and_tells_of_it() -> None:
    assert get_args(get_type_hints(bench)["suites"]) == tuple(SUITES)
    told = (bench.__doc__ or "").split("Parameters")[0]
    assert [name for name in SUITES if f"{name}:" not in told and f"{name}," not in told] == []
    left_out = (bench.__doc__ or "").partition(" except ")[2].split("\n")[0]
    assert [name for name in LONG if name not in left_out] == []


def test_the_page_on_speed_tells_what_every_suite_measures() -> None:
    page = (DOCS / "speed.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert [name for name in SUITES if not any(f"`{name}`" in row for row in rows)] == []


def test_a_suite_that_is_unknown_is_wrong_usage_and_all_that_are_known_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["bench", "speed"]) == 2
    said = capsys.readouterr().err
    assert [name for name in SUITES if name not in said] == []


def test_what_takes_minutes_runs_only_when_it_is_named() -> None:
    assert {*BY_DEFAULT, *LONG} == set(SUITES)
    assert not LONG.keys() & set(BY_DEFAULT)
    assert all(reason.endswith("ask for it by name") for reason in LONG.values())


def test_no_two_settings_have_the_same_name_for_they_stand_side_by_side_in_a_result() -> None:
    kinds = [module.Settings for module in modules() if hasattr(module, "Settings")]
    names = [field.name for kind in kinds for field in fields(kind)] + list(Effort().settings)
    assert len(names) == len(set(names))


def test_a_suite_runs_with_its_usual_settings_where_no_others_were_given() -> None:
    effort = Effort(own=(overhead.Settings(seconds=0.5),))
    assert effort.of(overhead.Settings) == overhead.Settings(seconds=0.5)
    assert effort.of(loop.Settings) == loop.Settings()


def test_a_suite_that_lacks_a_library_says_which_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(LackingError, match=r"^needs torch: pip install 'ngrt\[export\]'$"):
        SUITES["chunk"].prepare(Inputs((), None), Effort())


def test_a_row_without_its_file_is_a_fault_not_something_to_install() -> None:
    with pytest.raises(ModuleNotFoundError):
        Suite("nowhere", "a row alone").prepare(Inputs((), None), Effort())


def test_without_torch_and_onnx_the_command_has_help_and_all_other_suites_can_run() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from ngrt.cli.commands import run\nassert run(['bench', '--help']) == 0\n"
        "from bench.suites.registry import SUITES\nfrom bench.suites.suite import Effort, Inputs, LackingError\n"
        "for name, suite in SUITES.items():\n"
        "    try:\n        suite.prepare(Inputs((), None, ':0'), Effort())\n"
        "    except LackingError as error:\n        print('LACKS', name, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=300, capture_output=True, text=True)
    lacking = dict(line.split(maxsplit=2)[1:] for line in done.stdout.splitlines() if line.startswith("LACKS"))
    assert {name for name, reason in lacking.items() if "pip install 'ngrt[export]'" in reason} == NEED_ONNX


def test_titles_are_the_registry_s_and_a_name_where_it_has_none() -> None:
    assert suite_title("stages") == "where the time of a chunk goes"
    assert suite_title("of another time") == "of another time"
