"""Capture on Windows: our calls against dxcam's own source, and what it does, by a stand-in."""

import ast
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import CaptureKind, EndOfSource, FrameSource, NothingToSee, Window
from ngrt.messages import Image
from ngrt.sources import dxcam_camera, dxcam_displays
from ngrt.sources.dxcam import DxcamScreen, DxcamWindow
from ngrt.sources.dxcam_displays import FACTORY, Display, showing_most_of
from tests.sources.dxcam_standin import HIGH, LEFT, MAIN, Camera, Machine, standing_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a stand-in for what is here")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    before = signal.getsignal(signal.SIGTERM)
    yield standing_in(monkeypatch)
    signal.signal(signal.SIGTERM, before)


def game(left: int = 100, top: int = 50, width: int = 640, height: int = 360, **more: Any) -> Window:
    return Window(7, "A Game", None, "game.exe", left, top, width, height, **more)


def grab(source: FrameSource, now: float) -> Image:
    """Return the next picture, waited for."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        image = source.grab(now)
        if image is not None:
            return image
        time.sleep(0.002)
    raise AssertionError("no picture")


# --- against the library's source


def tree(name: str) -> ast.Module:
    """Return one of dxcam's files, read without importing it: that would list display adapters."""
    spec = find_spec("dxcam")
    if spec is None or spec.origin is None:
        pytest.skip("dxcam's source is not here: pip install dxcam")
    return ast.parse((Path(spec.origin).parent / name).read_text("utf-8"))


def functions(where: ast.AST) -> dict[str, ast.FunctionDef]:
    body = getattr(where, "body", [])
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def one_class(module: ast.Module, name: str) -> ast.ClassDef:
    (found,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    return found


def arguments(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args]


def released(file: str, name: str) -> str:
    return ast.unparse(functions(one_class(tree(file), name))["release"])


def ours(method: str) -> list[str]:
    """Return the keywords with which the backend calls a function of this name."""
    source = Path(str(dxcam_camera.__file__)).read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == method]
    return [keyword.arg for call in found for keyword in call.keywords if keyword.arg is not None]


def test_the_library_takes_what_it_is_given() -> None:
    camera = functions(one_class(tree("dxcam.py"), "DXCamera"))
    create = arguments(functions(tree("__init__.py"))["create"])
    assert ours("create")
    assert set(ours("create")) <= set(create)
    assert ours("start")
    assert set(ours("start")) <= set(arguments(camera["start"]))
    assert ours("grab") == []
    assert arguments(camera["release"]) == ["self"]


def test_the_stand_in_takes_what_the_library_takes() -> None:
    camera = functions(one_class(tree("dxcam.py"), "DXCamera"))
    for name in ("start", "grab", "release"):
        assert list(inspect.signature(getattr(Camera, name)).parameters) == arguments(camera[name])
    create = arguments(functions(tree("__init__.py"))["create"])
    assert list(inspect.signature(Machine.create).parameters) == ["self", *create]


def test_what_is_read_of_a_camera_is_there() -> None:
    camera = one_class(tree("dxcam.py"), "DXCamera")
    properties = {
        name
        for name, method in functions(camera).items()
        if any(ast.unparse(decorator) == "property" for decorator in method.decorator_list)
    }
    assert {"latest_frame_time", "latest_frame_ticks", "is_released"} <= properties
    assert "self.is_capturing = False" in ast.unparse(functions(camera)["__init__"])


def test_the_factory_keeps_outputs_by_adapter_and_they_know_their_device() -> None:
    module = tree("__init__.py")
    assert f"{FACTORY} = DXFactory()" in [ast.unparse(node) for node in module.body]
    assert "self.outputs.append([Output(p_output)" in ast.unparse(one_class(module, "DXFactory"))
    assert "devicename" in functions(one_class(tree("core/output.py"), "Output"))


def test_the_quirks_that_are_dealt_with_are_in_the_source() -> None:
    module, camera = tree("__init__.py"), functions(one_class(tree("dxcam.py"), "DXCamera"))
    assert "_install_sigterm_handler()" in ast.unparse(functions(module)["create"])
    assert "return existing_camera" in ast.unparse(one_class(module, "DXFactory"))
    assert "join(timeout=10)" in ast.unparse(camera["stop"])
    assert "if self.is_capturing" in ast.unparse(camera["grab"])
    assert "peek_latest" in ast.unparse(camera["_peek_latest_buffered_frame"])
    assert "self.duplicator = None" in released("core/dxgi_duplicator.py", "DXGIDuplicator")
    assert "self._session = None" in released("core/winrt_duplicator.py", "WinRTDuplicator")
    assert "self._duplicator.release()" in ast.unparse(camera["_release_recovery_resources"])
    assert "create_for_monitor" in ast.unparse(tree("core/winrt_duplicator.py"))
    assert "DXCAM_WINRT_CURSOR_CAPTURE" in ast.unparse(tree("core/winrt_duplicator.py"))


# --- monitors


def test_without_a_number_the_primary_monitor_is_watched_whole(machine: Machine) -> None:
    source = DxcamScreen(None, 60)
    assert grab(source, 0.0).shape == (1080, 1920, 3)
    assert source.name == f"monitor {MAIN} by dxgi"
    (camera,) = machine.open()
    assert camera.target_fps == 60
    source.close()
    assert machine.open() == []


@pytest.mark.parametrize(("number", "shape"), [(0, (720, 1280, 3)), (1, (1080, 1920, 3)), (2, (1440, 2560, 3))])
def test_monitors_are_counted_over_all_adapters(machine: Machine, number: int, shape: tuple[int, ...]) -> None:
    source = DxcamScreen(number, 60)
    assert grab(source, 0.0).shape == shape
    source.close()


def test_a_monitor_that_is_not_there_is_refused_with_those_that_are(machine: Machine) -> None:
    with pytest.raises(SourceError, match=r"no monitor 3; there are 3, counted from 0; try --monitor 2"):
        DxcamScreen(3)


def test_a_picture_has_the_age_since_it_was_presented(machine: Machine) -> None:
    machine.still = True
    source = DxcamScreen()
    time.sleep(0.05)
    grab(source, 0.0)
    assert source.age >= 0.05
    assert source.age < 5
    source.close()


def test_a_pointer_that_moves_makes_no_new_picture(machine: Machine) -> None:
    source = DxcamScreen()
    shown = [grab(source, step * 0.01) for step in range(12)]
    source.close()
    assert all((one != other).any() for one, other in pairwise(shown))


def test_where_dxgi_does_not_work_auto_takes_the_other_way(machine: Machine) -> None:
    machine.refused[MAIN, "dxgi"] = OSError("unsupported")
    source = DxcamScreen()
    assert source.name.endswith("by winrt")
    grab(source, 0.0)
    source.close()
    with pytest.raises(SourceError, match=r"cannot be captured by dxgi \(unsupported\); try --capture winrt"):
        DxcamScreen(kind="dxgi")


def test_where_neither_works_both_reasons_are_told_in_a_line(machine: Machine) -> None:
    machine.refused[MAIN, "dxgi"] = OSError("unsupported")
    machine.refused[MAIN, "winrt"] = ModuleNotFoundError(name="winrt.windows")
    with pytest.raises(
        SourceError, match=r"unsupported.*; --capture winrt needs winrt.windows; install it with: pip install"
    ) as told:
        DxcamScreen()
    assert "\n" not in str(told.value)
    assert machine.open() == []


def test_a_display_that_shows_nothing_is_refused_and_let_go(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dxcam_camera, "FIRST", 0.05)
    machine.dark.add(MAIN)
    with pytest.raises(SourceError, match=r"has shown nothing to dxgi for 0\.05 s; unlock the session"):
        DxcamScreen()
    assert machine.open() == []


def test_a_display_that_is_captured_already_is_refused_and_goes_on(machine: Machine) -> None:
    first = DxcamScreen(kind="dxgi")
    with pytest.raises(SourceError, match="captured already by this program"):
        DxcamScreen(kind="dxgi")
    grab(first, 0.0)
    first.close()


def test_a_display_that_is_lost_for_good_is_an_error_and_never_waited_for(machine: Machine) -> None:
    source = DxcamScreen()
    machine.made[-1].lose()
    with pytest.raises(SourceError, match="is lost: its capture has ended"):
        source.grab(0.0)
    source.close()
    with pytest.raises(EndOfSource):
        source.grab(1.0)


@pytest.mark.parametrize("kind", ["dxgi", "winrt"])
def test_while_a_display_is_away_there_is_nothing_to_see_and_then_its_picture_again(
    machine: Machine, kind: CaptureKind
) -> None:
    machine.still = True
    source = DxcamScreen(kind=kind)
    shown = grab(source, 0.0)
    machine.made[-1].away()
    for now in (1.0, 2.0):
        with pytest.raises(NothingToSee, match=r"is away: .*; unlock the session to play on"):
            source.grab(now)
    machine.made[-1].back()
    np.testing.assert_array_equal(grab(source, 3.0), shown)
    source.close()


def test_a_term_signal_does_what_it_did_before(machine: Machine) -> None:
    before = signal.getsignal(signal.SIGTERM)
    source = DxcamScreen()
    assert signal.getsignal(signal.SIGTERM) is before
    source.close()


def test_a_camera_that_does_not_let_go_is_not_waited_for(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dxcam_camera, "PATIENCE", 0.05)
    source, free = DxcamScreen(), threading.Event()
    monkeypatch.setattr(machine.made[-1], "release", free.wait)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 2
    free.set()


def test_elsewhere_it_is_refused_in_a_line() -> None:
    with pytest.raises(SourceError, match="by dxcam on Windows only; give an X11 display, such as --display :0"):
        DxcamScreen()


def test_a_library_that_cannot_be_imported_is_told_with_the_remedy(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dxcam", None)
    with pytest.raises(SourceError, match=r"dxcam is not installed; install it with: pip install 'dxcam\[winrt\]'"):
        DxcamScreen()

    def broken(name: str) -> None:
        raise OSError("no adapter\nat all")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(SourceError, match=r"lists no display adapters \(no adapter at all\); run ngrt in the session"):
        DxcamScreen()


# --- windows


def test_a_window_is_a_part_of_its_display_by_left_top_right_bottom(machine: Machine) -> None:
    window = game(left=-1180, top=150, width=640, height=360)
    source = DxcamWindow(FakeDesktop([window]), window, lambda: None, False, 30)
    assert grab(source, 0.0).shape == (360, 640, 3)
    (camera,) = machine.open()
    assert (camera.name, camera.region, camera.target_fps) == (LEFT, (100, 50, 740, 410), 30)
    assert source.name == "window A Game of game.exe"
    assert source.number == 7
    source.close()


@pytest.mark.parametrize(
    ("window", "name", "region"),
    [
        (game(-300, 200, 1000, 500), MAIN, (0, 200, 700, 700)),
        (game(-800, 200, 1000, 500), LEFT, (480, 100, 1280, 600)),
        (game(100, -400, 800, 600), HIGH, (100, 1040, 900, 1440)),
        (game(1800, 900, 800, 600), MAIN, (1800, 900, 1920, 1080)),
        (game(-8, -8, 1936, 1096), MAIN, (0, 0, 1920, 1080)),
    ],
)
def test_a_window_on_several_displays_is_watched_on_the_one_that_shows_most(
    machine: Machine, window: Window, name: str, region: tuple[int, ...]
) -> None:
    found = showing_most_of(dxcam_displays.displays(sys.modules["dxcam"]), window)
    assert found is not None
    assert (found[0].name, found[1]) == (name, region)


def test_a_window_that_is_moved_resized_or_put_on_another_display_is_followed(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    for now, window in enumerate([game(), game(200, 60), game(200, 60, 800, 600), game(100, -700, 800, 600)], 1):
        desktop.shown = [window]
        machine.still = True
        image = grab(source, float(now))  # at once, though nothing moves on the display
        assert image.shape == (window.height, window.width, 3)
        machine.still = False
        grab(source, float(now))
    assert len(machine.open()) == 1
    source.close()


def test_a_window_that_stays_keeps_its_camera(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    for now in range(5):
        grab(source, float(now))
    assert len(machine.made) == 1
    source.close()


def test_a_display_that_changes_its_mode_is_captured_anew_where_the_window_is_then(machine: Machine) -> None:
    desktop = FakeDesktop([game(0, 0, 1920, 1080)])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    grab(source, 0.0)
    machine.monitors[MAIN] = (0, 0, 1280, 720)
    desktop.shown = [game(0, 0, 1280, 720)]
    assert grab(source, 1.0).shape == (720, 1280, 3)
    source.close()


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([game(shown=False)], "A Game of game.exe is minimised; bring it back"),
        ([game(9000, 9000)], "A Game of game.exe is outside the screen; move it back"),
        ([], "A Game of game.exe is closed; start the game again"),
    ],
)
def test_while_there_is_nothing_to_see_no_display_is_captured(
    machine: Machine, windows: list[Window], words: str
) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    grab(source, 0.0)
    desktop.shown = windows
    for now in (1.0, 1.01):
        with pytest.raises(NothingToSee, match=words):
            source.grab(now)
    assert machine.open() == []
    desktop.shown = [game()]
    if windows:
        assert grab(source, 2.0).shape == (360, 640, 3)
    source.close()


def test_a_closed_window_is_the_end_where_that_was_asked_for(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, True)
    desktop.shown = []
    for now in (1.0, 2.0):
        with pytest.raises(EndOfSource):
            source.grab(now)
    assert machine.open() == []
    source.close()


def test_a_game_that_was_started_again_is_watched_in_its_new_window(machine: Machine) -> None:
    desktop = FakeDesktop([game()])
    searches = []

    def find_again() -> Window | None:
        searches.append(1)
        return desktop.shown[0] if desktop.shown else None

    source = DxcamWindow(desktop, desktop.shown[0], find_again, False)
    desktop.shown = []
    for step in range(10):
        with pytest.raises(NothingToSee):
            source.grab(1 + step * 0.1)
    assert len(searches) == 2, "twice a second"
    desktop.shown = [Window(8, "Again", None, "game.exe", 0, 0, 320, 240)]
    assert grab(source, 3.0).shape == (240, 320, 3)
    assert (source.number, source.name) == (8, "window Again of game.exe")
    source.close()
    assert desktop.closed


def test_a_window_that_begins_minimised_is_watched_once_it_is_brought_back(machine: Machine) -> None:
    desktop = FakeDesktop([game(shown=False)])
    source = DxcamWindow(desktop, desktop.shown[0], lambda: None, False)
    with pytest.raises(NothingToSee):
        source.grab(0.0)
    desktop.shown = [game()]
    assert np.asarray(grab(source, 1.0))[0, 5, 0] >= 200, "red is first"
    source.close()


def test_only_the_display_at_the_desktops_corner_is_the_primary_one() -> None:
    assert Display(0, 0, "", 0, 0, 1920, 1080).primary
    assert not Display(0, 0, "", 0, -1440, 2560, 0).primary
