"""ONNX Runtime that is installed only in part, or not at all, is told with what mends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ngrt.inference.onnx.library import package
from tests.patience import HANG


@pytest.mark.parametrize("content", ["", "raise ImportError('libonnxruntime.so.1: cannot open shared object file')"])
@pytest.mark.parametrize("command", [["play", "--duration", "1"], ["doctor"]])
def test_a_broken_onnx_runtime_is_told_with_its_remedy(command: list[str], content: str, tmp_path: Path) -> None:
    """`pip uninstall onnxruntime` takes files that onnxruntime-gpu has too, and leaves an empty package."""
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(content)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "ngrt", *command], env=environment, capture_output=True, text=True, timeout=HANG
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1 or command == ["doctor"]
    assert f"pip install --force-reinstall {package()}" in said
    assert "fault in ngrt" not in said
    assert "Traceback" not in said
