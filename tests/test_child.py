"""Python processes of ngrt's own run nothing from the working folder."""

import subprocess
from pathlib import Path

import ngrt
from ngrt.child import python_command
from tests.patience import HANG


def test_a_child_runs_ngrts_module_and_none_of_the_working_folder(tmp_path: Path) -> None:
    for name in ("ngrt", "runpy", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    command = python_command("ngrt.keyboard.guardian", "--help")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: ngrt.keyboard.guardian" in done.stdout


def test_every_process_of_python_that_is_started_is_started_this_way() -> None:
    root = Path(ngrt.__file__).parents[1]
    rooms = [path for room in ("ngrt", "bench", "export") for path in (root / room).rglob("*.py")]
    assert [path.name for path in rooms if "sys.executable" in path.read_text("utf-8")] == ["child.py"]
