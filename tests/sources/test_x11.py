"""Displays that cannot be watched; those that can are in tests/real."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mss.exception import ScreenShotError

from ngrt.doctor import screens
from ngrt.errors import SourceError
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import Window
from ngrt.sources.open import open_screen, open_window
from ngrt.sources.x11 import X11Source, X11Window
from ngrt.sources.x11_screen import unwatchable
from tests.real.xvfb import x_server


@pytest.mark.parametrize("display", [":4711", "nonsense", "nowhere.invalid:0"])
def test_a_display_that_cannot_be_reached_is_refused_by_name(display: str) -> None:
    with pytest.raises(SourceError, match=f"display {display} cannot be watched .*; check DISPLAY .* Xvfb") as caught:
        X11Source(display)
    assert "\n" not in str(caught.value)
    desktop = FakeDesktop([Window(1, "a game", None, "game", 0, 0, 300, 200)])
    with pytest.raises(SourceError, match=f"display {display} cannot be watched"):
        X11Window(desktop, desktop.shown[0], lambda: None, False, display=display)


def test_no_display_at_all_is_refused_with_the_option_that_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceError, match="DISPLAY is not set; give one, such as --display :0"):
        X11Source()


def test_the_environment_names_the_display_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4712")
    with pytest.raises(SourceError, match="display :4712 cannot be watched"):
        X11Source()


class Windows:
    """Stands in for a source of Windows; keeps what it was opened with."""

    def __init__(self, *given: object) -> None:
        self.given = given


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this Windows, as far as the choice of a source goes."""
    monkeypatch.setattr("sys.platform", "win32")
    module = SimpleNamespace(DxcamScreen=Windows, DxcamWindow=Windows)
    monkeypatch.setitem(sys.modules, "ngrt.sources.dxcam", module)


@pytest.mark.usefixtures("on_windows")
def test_windows_gets_its_own_sources() -> None:
    window = FakeDesktop([Window(1, "a game", None, "game", 0, 0, 300, 200)])
    screen: object = open_screen(None, 1, 30.0, "winrt")
    assert isinstance(screen, Windows)
    assert screen.given == (1, 30.0, "winrt")
    found: list[Window] = []
    source: object = open_window(window, window.shown[0], found.pop, True, 30.0, "dxgi")
    assert isinstance(source, Windows)
    assert source.given == (window, window.shown[0], found.pop, True, 30.0, "dxgi")


@pytest.mark.parametrize("depth", [8, 16, 30])
def test_a_screen_with_other_pixels_is_called_that_with_what_helps(tmp_path: Path, depth: int) -> None:
    with x_server(tmp_path, depth=depth) as screen:
        with pytest.raises(SourceError, match=rf"has {depth} bits a pixel; .* with 24; .*1280x720x24") as caught:
            X11Source(screen.display)
        assert "XAUTHORITY" not in str(caught.value)
        found = screens.display(screen.display)
        assert (found.state, f"{depth} bits" in found.found, "x24" in found.fix) == ("missing", True, True)


@pytest.mark.parametrize("said", ["Only screens at 32 bpp (regardless of color depth) are supported; got 24 bpp"])
def test_pixels_that_are_odd_otherwise_are_named(said: str) -> None:
    told = str(unwatchable(":7", ScreenShotError(said)))
    assert told.startswith(f"display :7 has odd pixels ({said})")
    assert "x24" in told
