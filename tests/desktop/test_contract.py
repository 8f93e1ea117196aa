"""What every desktop promises, over all of them."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from Xlib import X
from Xlib.xobject.drawable import Window as XWindow

from ngrt.desktop.following import Following
from ngrt.desktop.matching import find
from ngrt.desktop.x11 import X11Desktop
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import Desktop, Window
from tests.closing import closes_with_its_block, either_way
from tests.desktop.standin_win32 import Kept, Session, standing_in
from tests.patience import until
from tests.real.x_windows import Windows
from tests.real.xvfb import require, window_manager, x_server

Place = tuple[int, int, int, int]
SQUARE: Place = (40, 60, 320, 240)


class Stage(Protocol):
    """A desktop, and what happens on it."""

    @property
    def desktop(self) -> Desktop:
        """The windows as ngrt sees them."""

    def open(self, title: str, place: Place = SQUARE, helper: bool = False) -> int:
        """Open a window in front of the others; return its number."""

    def move(self, number: int, place: Place) -> None:
        """Move and resize it."""

    def minimise(self, number: int) -> None:
        """Put it away."""

    def focus(self, number: int) -> None:
        """Give it the keyboard."""

    def close(self, number: int) -> None:
        """Close it."""


class FakeStage:
    def __init__(self) -> None:
        self.desktop = FakeDesktop()
        self._opened = 0

    def open(self, title: str, place: Place = SQUARE, helper: bool = False) -> int:
        self._opened += 1
        window = Window(self._opened, title, os.getpid(), "python", *place, helper=helper)
        self.desktop.shown.insert(0, window)
        self.desktop.focus = window.number
        return window.number

    def change(self, number: int, **changes: object) -> None:
        shown = self.desktop.shown
        for index, window in enumerate(shown):
            if window.number == number:
                values = {field.name: getattr(window, field.name) for field in dataclasses.fields(Window)}
                shown[index] = Window(**{**values, **changes})

    def move(self, number: int, place: Place) -> None:
        self.change(number, **dict(zip(("left", "top", "width", "height"), place, strict=True)))

    def minimise(self, number: int) -> None:
        self.change(number, shown=False)

    def focus(self, number: int) -> None:
        self.desktop.focus = number

    def close(self, number: int) -> None:
        self.desktop.shown = [window for window in self.desktop.shown if window.number != number]


class XStage:
    def __init__(self, display: str, managed: bool) -> None:
        self.desktop = X11Desktop(display)
        self.own = Windows(display, managed)
        self._opened: dict[int, XWindow] = {}

    def open(self, title: str, place: Place = SQUARE, helper: bool = False) -> int:
        window = self.own.open(title, place, kinds=["UTILITY"] if helper else [])
        self._opened[window.id] = window
        window.configure(stack_mode=X.Above)
        self.own.display.sync()
        until(lambda: any(found.number == window.id for found in self.desktop.windows()))
        return window.id

    def move(self, number: int, place: Place) -> None:
        left, top, width, height = place
        self._opened[number].configure(x=left, y=top, width=width, height=height)
        self.own.display.sync()

    def minimise(self, number: int) -> None:
        self.own.minimise(self._opened[number])

    def focus(self, number: int) -> None:
        self.own.focus(self._opened[number])

    def close(self, number: int) -> None:
        self._opened.pop(number).destroy()
        self.own.display.sync()


class Win32Stage:
    def __init__(self, session: Session, desktop: Desktop) -> None:
        self.desktop, self._session = desktop, session
        self._opened = 0x10000

    def open(self, title: str, place: Place = SQUARE, helper: bool = False) -> int:
        self._opened += 2
        kept = Kept(title, place, os.getpid(), style=0x80 if helper else 0)
        self._session.kept = {self._opened: kept, **self._session.kept}
        self._session.front = self._opened
        return self._opened

    def move(self, number: int, place: Place) -> None:
        self._session.kept[number].place = place

    def minimise(self, number: int) -> None:
        self._session.kept[number].minimised = True

    def focus(self, number: int) -> None:
        self._session.front = number

    def close(self, number: int) -> None:
        del self._session.kept[number]


@pytest.fixture(params=["fake", "x11", "x11 with openbox", "win32"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Yield a desktop without windows."""
    with ExitStack() as stack:
        if request.param == "fake":
            made: Stage = FakeStage()
        elif request.param == "win32":
            if os.name == "nt":
                pytest.skip("a stand-in for what is here")
            made = Win32Stage(*standing_in(monkeypatch))
        else:
            managed = request.param != "x11"
            require("Xvfb", *(["openbox"] if managed else []))
            display = stack.enter_context(x_server(tmp_path)).display
            if managed:
                stack.enter_context(window_manager(display))
            x_stage = XStage(display, managed)
            stack.callback(x_stage.own.close)
            made = x_stage
        yield made
        made.desktop.close()


def here(stage: Stage, number: int) -> Window:
    window = stage.desktop.window(number)
    assert window is not None
    return window


def test_a_window_is_told_with_its_title_place_and_process(stage: Stage) -> None:
    title = "Ünïcode \N{VIDEO GAME} 1"
    number = stage.open(title)
    window = here(stage, number)
    assert window in stage.desktop.windows()
    assert (window.number, window.title, window.pid) == (number, title, os.getpid())
    assert "py" in window.process
    assert window.shown
    assert not window.helper
    assert find(stage.desktop.windows(), str(os.getpid())) == window


def test_its_place_is_where_its_picture_is(stage: Stage) -> None:
    window = here(stage, stage.open("", (40, 60, 320, 240)))
    assert (window.width, window.height) == (320, 240)
    if isinstance(stage, XStage):
        inside = stage.own.root.translate_coords(window.number, 0, 0)
        assert (window.left, window.top) == (inside.x, inside.y)
    else:
        assert (window.left, window.top) == (40, 60)


def test_it_is_found_where_it_was_moved(stage: Stage) -> None:
    number = stage.open("Game")
    before = here(stage, number)
    stage.move(number, (100, 120, 400, 300))
    until(lambda: (here(stage, number).width, here(stage, number).height) == (400, 300))
    until(lambda: here(stage, number).left - before.left == 60)
    assert here(stage, number).top - before.top == 60


def test_a_game_without_a_title_is_found(stage: Stage) -> None:
    number = stage.open("", (0, 0, 640, 480))
    assert find(stage.desktop.windows(), str(os.getpid())).number == number
    assert here(stage, number).title == ""


def test_a_helper_is_told_from_a_game(stage: Stage) -> None:
    helper, game = stage.open("Game", (0, 0, 640, 480), helper=True), stage.open("Game")
    assert here(stage, helper).helper
    assert find(stage.desktop.windows(), str(os.getpid())).number == game


def test_a_minimised_window_is_there_but_not_shown(stage: Stage) -> None:
    number = stage.open("Game")
    stage.minimise(number)
    until(lambda: not here(stage, number).shown)
    until(lambda: here(stage, number) in stage.desktop.windows())
    assert here(stage, number).playable


def test_a_closed_window_is_gone(stage: Stage) -> None:
    kept, closed = stage.open("Kept"), stage.open("Closed")
    stage.close(closed)
    until(lambda: stage.desktop.window(closed) is None)
    numbers = [window.number for window in stage.desktop.windows()]
    assert closed not in numbers
    assert kept in numbers


def test_the_one_in_front_comes_first(stage: Stage) -> None:
    opened = [stage.open(f"Game {number}") for number in range(3)]

    def stacked() -> bool:
        return [window.number for window in stage.desktop.windows() if window.number in opened] == opened[::-1]

    until(stacked)


def test_the_window_with_the_keyboard_is_known(stage: Stage) -> None:
    first, second = stage.open("First"), stage.open("Second")
    for number in (first, second, first):
        stage.focus(number)
        until(is_focused(stage, number))


def is_focused(stage: Stage, number: int) -> Callable[[], bool]:
    return lambda: stage.desktop.focused() == number


def test_a_window_that_never_was_is_none(stage: Stage) -> None:
    assert stage.desktop.window(0x7654321) is None


def test_it_may_be_closed_twice(stage: Stage) -> None:
    stage.desktop.close()
    stage.desktop.close()


@either_way
def test_a_with_closes_it_however_it_ends(stage: Stage, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    closes_with_its_block(lambda: stage.desktop, fails, monkeypatch)


@either_way
def test_a_with_closes_what_follows_a_window_and_its_desktop(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop = FakeDesktop()
    window = Window(1, "Game", None, "game", *SQUARE)
    closes_with_its_block(lambda: Following(desktop, window, lambda: None, False), fails, monkeypatch)
    assert desktop.closed
