"""What a command says."""

import pytest

Captured = pytest.CaptureFixture[str]


def complaint(capsys: Captured) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]
