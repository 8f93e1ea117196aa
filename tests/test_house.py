"""The house rules that no other tool checks: sizes, choosers, who listens, where tests are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ngrt", "bench", "export", "tests")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES, MOST_IN_A_FUNCTION = 300, 40
DEVICES = ("desktop", "inference", "keyboard", "pads", "pads/person", "sources")
NO_ROOM = {"bench", "data", "export", "fuzz", "real"}
"""Folders of tests that are about something else than a room of ``ngrt``."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def lines_of(function: Function) -> int:
    """Return how many lines a function has, its docstring left out."""
    assert function.end_lineno is not None
    said = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (0 if said is None else said.count("\n") + 1)


def test_no_file_is_too_long_to_be_one_thing() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES} == {}


def test_no_function_is_too_long_to_be_read_at_once() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.name}": lines
        for path in FILES
        for function in functions(path)
        if (lines := lines_of(function)) > MOST_IN_A_FUNCTION
    }
    assert long == {}


@pytest.mark.parametrize("room", DEVICES)
def test_every_room_that_touches_the_machine_has_one_place_that_chooses(room: str) -> None:
    assert (ROOT / "ngrt" / room / "open.py").is_file()


def test_who_wants_to_listen_is_an_observer_and_no_telemetry() -> None:
    listening = [
        path.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Telemetry") for base in node.bases)
    ]
    assert listening == []


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.parent.name for path in (ROOT / "ngrt").glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert folders - NO_ROOM <= rooms


def test_every_room_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in ("ngrt", "bench", "export")
        for path in (ROOT / package).rglob("__init__.py")
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_what_has_close_works_in_a_with() -> None:
    classes: dict[str, tuple[set[str], set[str]]] = {}
    for path in FILES:
        if path.relative_to(ROOT).parts[0] == "tests":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).split("[")[0].rpartition(".")[2] for base in node.bases}
                methods = {part.name for part in node.body if isinstance(part, Function)}
                classes[node.name] = bases, methods

    def enters(name: str) -> bool:
        bases, methods = classes.get(name, (set(), set()))
        return name == "Resource" or "__enter__" in methods or any(enters(base) for base in bases)

    closed = {name for name, (bases, methods) in classes.items() if "close" in methods and "Protocol" not in bases}
    assert {name for name in closed if not enters(name)} == set()
