"""What every resource promises: a ``with`` closes it, once, however it ends."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from ngrt.resource import Resource

either_way = pytest.mark.parametrize("fails", [False, True], ids=["ends", "fails"])
"""How the block ends."""


def closes_with_its_block(open_it: Callable[[], object], fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Assert that what ``open_it`` opens is held by a block that ends or fails, and closed after it."""
    opened = open_it()
    assert isinstance(opened, Resource)
    closed: list[object] = []
    close = type(opened).close

    def counted(self: Resource) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(type(opened), "close", counted)
    with suppress(LookupError), opened as held:
        assert held is opened
        assert not closed
        if fails:
            raise LookupError
    assert closed == [opened]
