"""A session that is locked, as the X server and logind tell it."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.xobject.drawable import Window as XWindow

from ngrt.control.watches import LockGuard
from ngrt.desktop import logind
from ngrt.desktop.logind import LogindLocks
from ngrt.desktop.open import open_locks
from ngrt.desktop.x11_locks import X11Locks
from tests.desktop.standin_logind import Logind, bus_with
from tests.patience import until
from tests.real.xvfb import Screen, x_server

if os.name == "nt":
    pytest.skip("an X server, and logind", allow_module_level=True)

GRABBED = "another program has grabbed the keyboard: the screen may be locked"


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    with x_server(tmp_path) as server:
        yield server


@pytest.fixture
def client(screen: Screen) -> Iterator[Display]:
    """Yield another program's connection."""
    with closing(Display(screen.display)) as display:
        yield display


def shown(display: Display, events: int = 0) -> XWindow:
    root = display.screen().root
    window: XWindow = root.create_window(0, 0, 320, 240, 0, X.CopyFromParent, event_mask=events)
    window.map()
    display.sync()
    return window


def grab(window: XWindow) -> None:
    assert window.grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime) == X.GrabSuccess


def test_a_grab_by_another_program_is_a_lock_until_it_ends(screen: Screen, client: Display) -> None:
    with X11Locks(screen.display) as locks:
        game = shown(client)
        assert locks.reason(game.id) is None
        grab(shown(client))
        assert locks.reason(game.id) == GRABBED
        assert locks.reason(None) == GRABBED
        client.ungrab_keyboard(X.CurrentTime)
        client.sync()
        assert locks.reason(game.id) is None


def test_a_game_may_have_grabbed_the_keyboard_itself(screen: Screen, client: Display) -> None:
    with X11Locks(screen.display) as locks:
        game = shown(client)
        grab(game)
        assert locks.reason(game.id) is None
        game.set_input_focus(X.RevertToParent, X.CurrentTime)
        client.sync()
        with X11Locks(screen.display) as others:
            assert others.reason(None) is None, "what has the focus is the game where none is known"


def test_to_ask_grabs_nothing_and_takes_no_focus(screen: Screen, client: Display) -> None:
    with X11Locks(screen.display) as locks:
        game = shown(client, X.FocusChangeMask)
        game.set_input_focus(X.RevertToParent, X.CurrentTime)
        client.sync()
        assert client.next_event().type == X.FocusIn
        for _ in range(20):
            assert locks.reason(game.id) is None
        client.sync()
        assert client.pending_events() == 0
        grab(game)


def test_a_screen_saver_that_is_on_is_a_lock(screen: Screen, client: Display) -> None:
    with X11Locks(screen.display) as locks:
        client.force_screen_saver(X.ScreenSaverActive)
        client.sync()
        assert locks.reason(None) == "the screen saver is on"
        client.force_screen_saver(X.ScreenSaverReset)
        client.sync()
        assert locks.reason(None) is None


def test_logind_tells_of_the_session_and_the_pad_is_neutral(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logind, "EVERY", 0.0)
    service = Logind(screen.display)
    with bus_with(service, monkeypatch):
        others, locks = open_locks(screen.display)
        others.close()
        with LockGuard(locks, lambda: None) as guard:
            assert guard.poll(0.0) is None
            service.locked = True
            verdict = guard.poll(0.0)
            assert verdict is not None
            assert (verdict.source, verdict.note) == ("blocked", "the session is locked; pad neutral")
            service.locked = False
            assert guard.poll(0.0) is None


@pytest.mark.parametrize(("display", "counts"), [(":7", True), ("", True), (":8", False)])
def test_a_session_counts_if_it_is_the_displays_or_does_not_say(
    display: str, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bus_with(Logind(display, locked=True), monkeypatch), LogindLocks(":7") as locks:
        assert locks.found == counts
        assert (locks.reason(None) is not None) == counts


def test_a_session_that_is_not_the_callers_is_found_by_its_display(monkeypatch: pytest.MonkeyPatch) -> None:
    with bus_with(Logind(":7", True, knows_callers=False), monkeypatch), LogindLocks(":7") as locks:
        assert locks.reason(None) == "the session is locked"


def test_logind_is_not_asked_at_every_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logind, "EVERY", 600.0)
    service = Logind()
    with bus_with(service, monkeypatch), LogindLocks(":7") as locks:
        asked = len(service.asked)
        for _ in range(100):
            locks.reason(None)
        assert len(service.asked) == asked


def test_a_bus_that_goes_away_locks_nothing_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logind, "EVERY", 0.0)
    with bus_with(Logind(locked=True), monkeypatch):
        locks = LogindLocks(":7")
        assert locks.reason(None) is not None
    until(lambda: locks.reason(None) is None)
    locks.close()
    time.sleep(0.01)
    assert locks.reason(None) is None


def test_without_a_bus_there_is_nothing_to_ask(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    (locks,) = open_locks(screen.display)
    locks.close()
