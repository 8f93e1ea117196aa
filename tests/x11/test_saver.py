"""The screen saver of an X server, held off while a game is played."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.ext import screensaver

from ngrt.errors import SourceError
from ngrt.x11.saver import X11Saver
from tests.closing import closes_with_its_block, either_way
from tests.patience import until
from tests.real.xvfb import Screen, x_server


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Screen]:
    """Yield a display that goes blank after a second."""
    with x_server(tmp_path) as screen, closing(Display(screen.display)) as link:
        link.set_screen_saver(1, 1, X.PreferBlanking, X.AllowExposures)
        link.sync()
        yield screen


@pytest.fixture
def blank(impatient: Screen) -> Iterator[Callable[[], bool]]:
    """Yield what tells whether the screen is blank."""
    with closing(Display(impatient.display)) as link:
        yield lambda: link.screen().root.screensaver_query_info().state == screensaver.StateOn


def idle(screen: Screen) -> float:
    """Return for how many seconds the server thinks that nothing was used."""
    with closing(Display(screen.display)) as link:
        return float(link.screen().root.screensaver_query_info().idle) / 1000


def test_a_screen_goes_blank_only_while_its_saver_is_not_held(impatient: Screen, blank: Callable[[], bool]) -> None:
    until(blank)
    with X11Saver(impatient.display) as saver:
        saver.hold()
        saver.hold()
        assert not blank()
        until(lambda: idle(impatient) > 1.5)
        assert not blank()
        saver.hold()
        assert idle(impatient) < 1.5, "savers of desktops ask for this"
        saver.let_go()
        until(blank)
        saver.hold()
        assert not blank()
    until(blank)


def test_a_screen_that_is_made_dark_while_it_is_held_stays_dark(impatient: Screen, blank: Callable[[], bool]) -> None:
    with X11Saver(impatient.display) as saver, closing(Display(impatient.display)) as person:
        saver.hold()
        person.force_screen_saver(X.ScreenSaverActive)
        person.sync()
        saver.hold()
        assert blank()


def test_a_display_without_savers_is_told(tmp_path: Path) -> None:
    off = ["MIT-SCREEN-SAVER"]
    with x_server(tmp_path, extensions_off=off) as screen, pytest.raises(SourceError, match="has no MIT-SCREEN-SAVER"):
        X11Saver(screen.display)


@either_way
def test_a_with_closes_it_however_it_ends(bare_display: str, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    closes_with_its_block(lambda: X11Saver(bare_display), fails, monkeypatch)
