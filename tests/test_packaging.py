"""What an installation brings, by platform."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
WINDOWS = {"sys_platform": "win32", "platform_machine": "AMD64"}
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}


def brought(platform: dict[str, str]) -> dict[str, set[str]]:
    """Return what a plain installation brings on ``platform``: packages with their extras."""
    needed = [Requirement(line) for line in PROJECT["dependencies"]]
    return {one.name: one.extras for one in needed if one.marker is None or one.marker.evaluate({**platform})}


def test_a_plain_installation_on_windows_brings_capture_pads_and_windows() -> None:
    needed = brought(WINDOWS)
    assert {"dxcam", "vgamepad", "pywin32", "psutil", "mss"} <= needed.keys()
    assert "winrt" in needed["dxcam"]
    assert "python-xlib" not in needed


def test_a_plain_installation_on_linux_brings_pads_and_windows() -> None:
    needed = brought(LINUX)
    assert {"vgamepad", "python-xlib", "psutil", "mss"} <= needed.keys()
    assert not {"dxcam", "pywin32"} & needed.keys()


@pytest.mark.parametrize("platform", [WINDOWS, LINUX])
def test_a_plain_installation_brings_one_onnx_runtime_and_no_torch(platform: dict[str, str]) -> None:
    needed = brought(platform)
    assert len({"onnxruntime", "onnxruntime-gpu"} & needed.keys()) == 1
    assert not {"torch", "onnx", "huggingface_hub", "opencv-python"} & needed.keys()
