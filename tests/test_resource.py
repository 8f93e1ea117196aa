"""What has ``close()`` and derives from Resource works in a ``with``."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ngrt
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


PACKAGE = Path(str(ngrt.__file__)).parent

ROOMS = ("x11", "win32", "desktop", "keyboard", "pads", "sources", "arcade", "fakes.py", "control")


def classes_with_close() -> Iterator[tuple[str, list[str]]]:
    """Yield each class that can be closed, with what it derives from: read, for not all can be imported everywhere."""
    for room in ROOMS:
        place = PACKAGE / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and any(getattr(part, "name", "") == "close" for part in node.body):
                    yield f"{file.relative_to(PACKAGE)} {node.name}", [ast.unparse(base) for base in node.bases]


def test_every_device_that_can_be_closed_is_a_resource() -> None:
    found = dict(classes_with_close())
    assert len(found) > 30
    roles = {name for name, bases in found.items() if "Protocol" in bases}
    assert roles == {"keyboard/sender.py KeySender"}
    resources = {"Resource", "RecordingPad"}
    assert [name for name, bases in found.items() if name not in roles and resources.isdisjoint(bases)] == []
