"""A picture to play, and a folder to work in."""

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    picture = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    assert cv2.imwrite(str(path), picture)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, where no ngrt.toml is."""
    monkeypatch.chdir(tmp_path)
