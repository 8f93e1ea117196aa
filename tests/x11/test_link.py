"""Connecting to what is no X server, does not answer, or answers too late; real ones are in tests/desktop and real."""

import gc
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from ngrt.desktop.open import open_desktop
from ngrt.errors import PadError, SourceError
from ngrt.keyboard.open import open_keys
from ngrt.sources.x11_damage import ScreenEvents
from ngrt.x11 import link
from ngrt.x11.connection import X11Connection
from ngrt.x11.errors import LOST, map_xlib_errors, refuses_user
from ngrt.x11.link import connect, display_name, open_link
from tests.closing import closes_with_its_block, either_way
from tests.x11.nonsense import server

SOON = 10.0

OPENERS: dict[str, tuple[Callable[[str], object], str]] = {
    "desktop": (open_desktop, "cannot be asked for its windows"),
    "keyboard": (open_keys, "cannot be reached"),
    "damage": (ScreenEvents, "cannot be watched"),
}

NONSENSE = {
    "neither yes nor no": b"\x07" + bytes(7),
    "a yes to something else": b"\x01\x00\x0b\x00\x00\x00\x08\x00" + b"\xff" * 32,
}


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("answer", NONSENSE)
def test_a_server_that_answers_nonsense_is_refused_in_a_line_by_all_that_connect(opener: str, answer: str) -> None:
    opened, told = OPENERS[opener]
    with server(NONSENSE[answer]) as display:
        with pytest.raises(SourceError, match=f"display {display} {told}") as caught:
            opened(display)
        assert "\n" not in str(caught.value)
        del caught
        gc.collect()  # a socket that was left open is told of now


def raised(display: str, patience: float) -> Exception:
    """Return what connecting raises."""
    with pytest.raises(SourceError) as caught:
        connect(
            display,
            patience,
            gone=lambda error: SourceError("gone", value=error),
            silent=lambda: SourceError("silent"),
        )
    return caught.value


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_is_said() -> None:
    with server(b"") as display:
        assert str(raised(display, 0.01)) == "silent"


def test_who_fails_is_handed_the_librarys_own_error() -> None:
    failure = raised("nonsense", SOON)
    assert str(failure) == "gone"
    assert isinstance(failure, SourceError)
    assert isinstance(failure.value, LOST)
    assert failure.__cause__ is failure.value


def test_what_connects_too_late_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    let_go = threading.Event()

    def open_late(name: str) -> SimpleNamespace:
        let_go.wait(SOON)
        return SimpleNamespace(display=SimpleNamespace(socket=ours))

    monkeypatch.setattr(link, "open_link", open_late)
    with ours, theirs:
        assert str(raised(":0", 0.01)) == "silent"
        let_go.set()
        theirs.settimeout(SOON)
        assert theirs.recv(1) == b""


def test_ending_a_link_twice_does_no_harm_and_needs_no_server() -> None:
    ours, theirs = socket.socketpair()
    found = SimpleNamespace(display=SimpleNamespace(socket=ours))
    with theirs:
        link.end(found)  # type: ignore[arg-type]
        link.end(found)  # type: ignore[arg-type]
        assert theirs.recv(1) == b""


@pytest.mark.parametrize("kind", [SourceError, PadError])
def test_a_display_is_named_by_who_asks_else_by_the_environment_else_refused(
    kind: type[SourceError] | type[PadError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    assert display_name(":3", kind) == ":3"
    assert display_name(None, kind) == ":7"
    monkeypatch.delenv("DISPLAY")
    with pytest.raises(kind) as caught:
        display_name(None, kind)
    assert caught.value.problem == "no display given and DISPLAY is not set"
    assert caught.value.remedy == "give one, such as --display :0"


@pytest.mark.parametrize("error", [OSError("no route"), AssertionError(7)])
def test_errors_of_the_library_become_ngrts_own_with_their_cause(error: Exception) -> None:
    with pytest.raises(PadError, match="gone") as caught, map_xlib_errors(lambda cause: PadError("gone", value=cause)):
        raise error
    assert caught.value.value is error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [LookupError("a fault of ours"), SourceError("told already")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, map_xlib_errors(lambda cause: PadError("gone")):
        raise error
    assert caught.value is error


def test_a_server_that_lets_a_user_not_in_is_told_from_one_that_is_not_there() -> None:
    reason = b"Authorization required, but no authorization protocol specified\n"
    padded = reason + bytes(-len(reason) % 4)
    refusal = b"\x00" + bytes([len(reason)]) + b"\x0b\x00\x00\x00" + (len(padded) // 4).to_bytes(2, "little") + padded
    with server(refusal) as display, pytest.raises(LOST) as caught:
        open_link(display)
    assert refuses_user(caught.value)
    with pytest.raises(LOST) as missing:
        open_link(":4711")
    assert not refuses_user(missing.value)


@either_way
def test_a_with_closes_a_connection_however_it_ends(
    fails: bool, bare_display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes_with_its_block(lambda: X11Connection(bare_display), fails, monkeypatch)
