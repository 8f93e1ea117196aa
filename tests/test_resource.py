"""What has ``close()`` and derives from Resource works in a ``with``."""

import pytest

from ngrt.resource import Resource


class Door(Resource):
    """Open until it is closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_it_is_open_in_its_block_and_closed_after_it() -> None:
    with Door() as door:
        assert not door.closed
    assert door.closed


def test_it_is_closed_when_the_block_fails_and_what_failed_is_raised() -> None:
    door = Door()
    with pytest.raises(LookupError, match="inside"), door:
        raise LookupError("inside")
    assert door.closed


def test_what_has_no_close_cannot_be_made() -> None:
    class Wall(Resource):
        pass

    with pytest.raises(TypeError, match="close"):
        Wall()  # type: ignore[abstract]
