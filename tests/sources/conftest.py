"""X displays, one with a game on it, one with nothing; and a stand-in for Windows."""

import signal
from collections.abc import Iterator

import pytest

from tests.real.fixtures import bare_display, game_display
from tests.sources.dxcam_standin import Machine, standing_in

__all__ = ["bare_display", "game_display", "machine"]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Yield a Windows with three monitors."""
    before = signal.getsignal(signal.SIGTERM)
    yield standing_in(monkeypatch)
    signal.signal(signal.SIGTERM, before)
