"""The Windows clock hook: our calls against the library's own source, and what it does here."""

import ast
import importlib
import os
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

import ngrt.win32.speedhack as freezing
from ngrt.errors import MissingExtraError, SourceError
from ngrt.win32.speedhack import SpeedHook
from tests.closing import closes_with_its_block, either_way


def functions() -> dict[str, list[str]]:
    """Return the arguments of every method of the library's client, read without importing it."""
    spec = find_spec("xspeedhack")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).with_name("client.py").read_text("utf-8"))
    (client,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "SpeedHackClient"]
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in client.body
        if isinstance(node, ast.FunctionDef)
    }


def test_the_library_takes_what_it_is_given() -> None:
    takes = functions()
    assert {"process_id", "arch"} <= set(takes["__init__"])
    assert takes["set_speed"] == ["self", "value"]


class Standin:
    """What the library's client does, and how it fails: an injector of the wrong kind, a process that is gone."""

    made: ClassVar[list[tuple[int, str]]] = []
    speeds: ClassVar[list[float]] = []
    bits = "x86"
    gone = False

    def __init__(self, process_name: str | None = None, process_id: int | None = None, arch: str = "x64") -> None:
        assert process_id is not None
        self.made.append((process_id, arch))
        if arch != self.bits:
            raise RuntimeError("injector returned 1")

    def set_speed(self, value: float) -> None:
        if self.gone:
            raise RuntimeError("the pipe has ended")
        self.speeds.append(value)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type[Standin]:
    class Fresh(Standin):
        made: ClassVar[list[tuple[int, str]]] = []
        speeds: ClassVar[list[float]] = []

    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace(Client=Fresh))
    monkeypatch.setattr(freezing, "ON_WINDOWS", True)
    return Fresh


def test_a_game_of_either_kind_is_held_and_let_go(library: type[Standin]) -> None:
    hook = SpeedHook(77)
    hook.freeze()
    hook.thaw()
    hook.close()
    assert library.made == [(77, "x64"), (77, "x86")]
    assert library.speeds == [0.0, 1.0, 1.0]


def test_a_process_that_cannot_be_held_is_named_with_the_remedy(library: type[Standin]) -> None:
    library.bits = "arm"
    with pytest.raises(SourceError, match=r"process 77 cannot be held .*is it running, with your rights\?"):
        SpeedHook(77)


def test_a_process_that_is_gone_is_said_to_be(library: type[Standin]) -> None:
    hook = SpeedHook(77)
    library.gone = True
    with pytest.raises(SourceError, match=r"process 77 cannot be held any more .*is it still running\?"):
        hook.freeze()


def test_closing_the_hook_of_a_game_that_is_gone_is_no_error(library: type[Standin]) -> None:
    hook = SpeedHook(77)
    library.gone = True
    hook.close()


@pytest.mark.skipif(os.name == "nt", reason="there it works")
def test_elsewhere_it_is_refused_in_a_line() -> None:
    with pytest.raises(SourceError, match="--freeze works on Windows only"):
        SpeedHook(1)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(freezing, "ON_WINDOWS", True)
    monkeypatch.setattr(importlib, "import_module", gone)
    with pytest.raises(MissingExtraError, match=r"pip install 'ngrt\[lockstep\]'"):
        SpeedHook(1)


@either_way
def test_a_with_lets_the_game_go_on_however_it_ends(
    library: type[Standin], fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes_with_its_block(lambda: SpeedHook(77), fails, monkeypatch)
    assert library.speeds == [1.0]
