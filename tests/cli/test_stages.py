"""The packages beside ngrt, whatever else of a person's has their names."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ngrt.cli import stages
from ngrt.errors import MissingExtraError, NgrtError
from tests.conftest import PARITY
from tests.patience import HANG

FOREIGN = "raise AssertionError('a foreign module was run')"


def foreign(folder: Path, name: str, kind: str) -> Path:
    """Put a module or a package called ``name`` into ``folder``."""
    path = folder / f"{name}.py" if kind == "file" else folder / name / "__init__.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(FOREIGN)
    return path


@pytest.mark.parametrize(
    ("kind", "start"), [("file", ["-m", "ngrt"]), ("package", ["-c", "from ngrt.__main__ import main; main()"])]
)
def test_a_module_of_a_persons_own_called_export_or_bench_is_not_run(
    kind: str, start: list[str], tmp_path: Path
) -> None:
    for name in ("export", "bench"):
        foreign(tmp_path, name, kind)
    for arguments, code in (["info", str(PARITY / "tiny.pt")], 0), (["bench", "compare", "a", "b"], 1):
        done = subprocess.run(
            [sys.executable, *start, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "foreign" not in done.stderr


def test_one_that_was_loaded_before_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tmp_path / "export.py"
    module = type(sys)("export")
    module.__file__ = str(found)
    monkeypatch.setitem(sys.modules, "export", module)
    with pytest.raises(NgrtError, match=r"export\.py is in the way of ngrt's own package export; rename it"):
        stages.stage("export.run")


@pytest.mark.parametrize("kind", ["file", "package"])
def test_one_that_took_the_place_of_ngrts_is_named(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    monkeypatch.setattr(stages, "HERE", tmp_path / "site-packages")
    monkeypatch.syspath_prepend(tmp_path)
    path = foreign(tmp_path, "bench", kind)
    with pytest.raises(NgrtError) as caught:
        stages.stage("bench.run")
    assert str(path) in caught.value.problem
    assert "pip install --force-reinstall ngrt" in caught.value.remedy


def test_what_is_missing_of_ngrt_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench", raising=False)
    monkeypatch.setattr(stages, "HERE", tmp_path)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(NgrtError, match="bench is missing, which belongs to ngrt"):
        stages.stage("bench.run")


def test_what_an_extra_brings_is_missing_and_what_is_broken_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without(name: str) -> object:
        return lambda _: real(name)

    monkeypatch.setattr(importlib, "import_module", without("torch_that_is_not_here.nn"))
    with pytest.raises(MissingExtraError, match="torch_that_is_not_here is not installed"):
        stages.stage("export.run")
    monkeypatch.setattr(importlib, "import_module", without("numpy.nothing"))
    with pytest.raises(ModuleNotFoundError):
        stages.stage("export.run")
