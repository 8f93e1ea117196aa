"""The Windows desktop: our calls against pywin32's published types, and what Windows does, by a stand-in."""

import ast
import ctypes
import inspect
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ngrt.desktop.matching import find
from ngrt.errors import SourceError
from ngrt.interfaces import Desktop, Window
from ngrt.win32 import dpi
from tests.desktop.standin_win32 import Kept, Session, User32, constants, standing_in, stub

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a stand-in for what is here")

MODULES = ("win32gui", "win32process")
TOOL, APP, LAYERED, CLICKED_THROUGH = 0x80, 0x40000, 0x80000, 0x20


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> tuple[Session, Desktop]:
    return standing_in(monkeypatch)


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of pywin32 in the backend's source, by module and function."""
    spec = find_spec("ngrt.desktop.win32")
    assert spec is not None
    assert spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)).split(".")[0] in MODULES:
            yield name, node


def published() -> dict[str, list[str]]:
    """Return the arguments of pywin32's functions, all positional and needed, by module and function."""
    return {
        f"{module}.{node.name}": [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        for module in MODULES
        for node in stub(module).body
        if isinstance(node, ast.FunctionDef)
    }


def test_every_function_that_is_called_takes_what_it_is_given() -> None:
    takes = published()
    made = dict(calls())
    assert len(made) > 10
    for name, call in made.items():
        assert len(call.args) == len(takes[name]), name
        assert not call.keywords, "pywin32's take positions only"


def test_the_stand_in_takes_what_pywin32_takes() -> None:
    takes = published()
    session = Session()
    for name in dict(calls()):
        function = getattr(session, name.split(".")[1])
        assert len(inspect.signature(function).parameters) == len(takes[name]), name


def test_the_constants_are_windows_own() -> None:
    known = constants()
    assert (known["GWL_EXSTYLE"], known["GA_ROOT"], known["GW_OWNER"]) == (-20, 2, 4)
    assert (known["WS_EX_TOOLWINDOW"], known["WS_EX_APPWINDOW"]) == (TOOL, APP)
    assert (known["WS_EX_LAYERED"], known["WS_EX_TRANSPARENT"]) == (LAYERED, CLICKED_THROUGH)


def put(session: Session, number: int = 0x10010, **changes: Any) -> int:
    session.kept[number] = Kept(**{"title": "Game", "place": (100, 200, 1600, 900), "pid": os.getpid(), **changes})
    return number


def here(desktop: Desktop, number: int) -> Window:
    window = desktop.window(number)
    assert window is not None
    return window


def test_display_scaling_shifts_and_shrinks_nothing(standin: tuple[Session, Desktop]) -> None:
    session, desktop = standin
    window = here(desktop, put(session))
    assert (window.left, window.top, window.width, window.height) == (100, 200, 1600, 900)
    session.aware = False  # another thread
    assert desktop.windows() == [window]


def test_the_process_is_made_aware_where_nobody_has_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int | None] = []

    class Willing(User32):
        def SetProcessDpiAwarenessContext(self, context: ctypes.c_void_p) -> int:  # noqa: N802
            asked.append(ctypes.c_ssize_t(context.value or 0).value)
            return 1

        def SetProcessDPIAware(self) -> int:  # noqa: N802
            pytest.fail("it was aware already")

    monkeypatch.setattr(dpi, "library", lambda name: Willing(Session()))
    dpi.see_physical_pixels()
    assert asked == [-4]


def test_an_older_windows_is_asked_as_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Old:
        def SetProcessDPIAware(self) -> int:  # noqa: N802
            asked.append("aware")
            return 1

    def library(name: str) -> Old:
        if name != "user32":
            raise FileNotFoundError(name)
        return Old()

    monkeypatch.setattr(dpi, "library", library)
    dpi.see_physical_pixels()
    dpi.see_physical_pixels_here()
    assert asked == ["aware"]


def test_there_is_no_library_of_windows_here() -> None:
    with pytest.raises(OSError, match="user32 is a library of Windows"):
        dpi.library("user32")


def test_a_minimised_window_has_the_place_it_will_have(standin: tuple[Session, Desktop]) -> None:
    session, desktop = standin
    window = here(desktop, put(session, minimised=True))
    assert not window.shown
    assert (window.left, window.top, window.width, window.height) == (100, 200, 1600, 900)
    assert window.playable


@pytest.mark.parametrize(
    ("changes", "helper"),
    [
        ({}, False),
        ({"style": LAYERED}, False),
        ({"style": TOOL}, True),
        ({"style": TOOL | APP}, False),
        ({"style": LAYERED | CLICKED_THROUGH}, True),
        ({"style": LAYERED | CLICKED_THROUGH | APP}, True),
        ({"kind": "ConsoleWindowClass"}, True),
        ({"kind": "Shell_TrayWnd"}, True),
        ({"owner": 0x20}, True),
        ({"owner": 0x20, "style": APP}, False),
        ({"owner": 0x21}, False),
        ({"owner": 0x22}, False),
        ({"owner": 0x23}, False),
    ],
)
def test_helpers_are_told_from_games(standin: tuple[Session, Desktop], changes: dict[str, Any], helper: bool) -> None:
    session, desktop = standin
    put(session, 0x20)
    put(session, 0x21, place=(0, 0, 0, 0))  # how some toolkits own every window of a program
    put(session, 0x22, visible=False)
    assert here(desktop, put(session, **changes)).helper is helper


@pytest.mark.parametrize("changes", [{"cloaked": 2}, {"visible": False}])
def test_a_window_kept_from_the_screen_is_not_shown(standin: tuple[Session, Desktop], changes: dict[str, Any]) -> None:
    session, desktop = standin
    assert not here(desktop, put(session, **changes)).shown


def test_a_game_of_the_store_belongs_to_its_own_process(standin: tuple[Session, Desktop]) -> None:
    session, desktop = standin
    core = put(session, 0x30, kind="Windows.UI.Core.CoreWindow", parent=0x10010, title="")
    frame = put(session, kind="ApplicationFrameWindow", pid=os.getppid(), core=core)
    assert here(desktop, frame).pid == os.getpid()
    assert [window.number for window in desktop.windows()] == [frame]
    session.kept[frame].core = 0
    assert here(desktop, frame).pid == os.getppid()


def test_the_focus_inside_a_window_is_the_windows(standin: tuple[Session, Desktop]) -> None:
    session, desktop = standin
    game = put(session)
    session.front = put(session, 0x30, parent=game)
    assert desktop.focused() == game
    session.front = 0
    assert desktop.focused() is None


def test_a_fullscreen_game_without_a_title_is_found_by_its_process(standin: tuple[Session, Desktop]) -> None:
    session, desktop = standin
    put(session, 0x40, title="Overlay", style=LAYERED | CLICKED_THROUGH, place=(0, 0, 3840, 2160))
    game = put(session, title="", place=(0, 0, 3840, 2160))
    assert find(desktop.windows(), str(os.getpid())).number == game


def test_a_session_that_cannot_be_listed_is_an_error_in_one_line(standin: tuple[Session, Desktop]) -> None:
    session, desktop = standin
    session.locked = True
    with pytest.raises(SourceError, match=r"windows cannot be listed \(Access is denied\.\); run ngrt in the session"):
        desktop.windows()
