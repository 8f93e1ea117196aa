"""The end of a game: everything is closed, whatever fails or hangs."""

import threading
from collections.abc import Iterator

import pytest

import ngrt.session.game
from ngrt.control.watches import PanicKey
from ngrt.errors import PadError, SourceError
from ngrt.fakes import FakeKeys, FakePad, FakeSource
from ngrt.session.game import Game, close_game
from tests.patience import HANG


@pytest.fixture
def let_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Yield what ends the wait of devices that hang; patience with them is short."""
    monkeypatch.setattr(ngrt.session.game, "PATIENCE", 0.05)
    event = threading.Event()
    yield event
    event.set()


class StuckPad(FakePad):
    """A pad whose driver does not answer."""

    def __init__(self, let_go: threading.Event) -> None:
        super().__init__()
        self._let_go = let_go

    def close(self) -> None:
        self._let_go.wait(HANG)


class StuckSource(FakeSource):
    """A screen whose server does not answer."""

    def __init__(self, let_go: threading.Event) -> None:
        super().__init__()
        self._let_go = let_go

    def close(self) -> None:
        self._let_go.wait(HANG)


class FailingPad(FakePad):
    def close(self) -> None:
        super().close()
        raise PadError("keys may still be down")


class FailingSource(FakeSource):
    def close(self) -> None:
        super().close()
        raise SourceError("it was gone")


def test_all_of_it_is_closed() -> None:
    pad, source, keys = FakePad(), FakeSource(), FakeKeys()
    close_game(Game(source, pad, watches=[PanicKey(keys, "F12")]))
    assert pad.closed
    assert source.closed
    assert keys.closed


def test_what_fails_first_is_raised_once_the_rest_is_closed() -> None:
    pad, source, keys = FailingPad(), FailingSource(), FakeKeys()
    with pytest.raises(PadError, match="keys may still be down"):
        close_game(Game(source, pad, watches=[PanicKey(keys, "F12")]))
    assert source.closed
    assert keys.closed


def test_a_pad_that_hangs_is_told_of_and_the_rest_is_closed(let_go: threading.Event) -> None:
    source, keys = FakeSource(), FakeKeys()
    with pytest.raises(PadError, match="pad fake pad does not close; it may not be neutral; unplug it"):
        close_game(Game(source, StuckPad(let_go), watches=[PanicKey(keys, "F12")]))
    assert source.closed
    assert keys.closed


def test_a_source_that_hangs_is_left_behind_without_a_word(let_go: threading.Event) -> None:
    pad, keys = FakePad(), FakeKeys()
    close_game(Game(StuckSource(let_go), pad, watches=[PanicKey(keys, "F12")]))
    assert pad.closed
    assert keys.closed
