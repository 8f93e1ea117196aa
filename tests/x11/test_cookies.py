"""Which cookie is shown to an X server."""

import secrets
import socket
import struct
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ngrt.desktop.x11 import X11Desktop
from ngrt.errors import SourceError
from ngrt.x11.cookies import INTERNET, INTERNET_6, LOCAL, NONE, PROTOCOL, WILD, Cookie, cookie_for, cookies
from tests.real.xvfb import x_server

HOST = socket.gethostname().encode()
HERE = getattr(socket, "AF_UNIX", socket.AF_INET)  # Windows has none, and no X servers
RIGHT, WRONG = b"right" * 3 + b"!", b"wrong" * 3 + b"!"


def packed(entries: Sequence[Cookie]) -> bytes:
    """Return a file of cookies."""
    return b"".join(
        struct.pack(">H", entry.family) + b"".join(struct.pack(">H", len(field)) + field for field in entry[1:])
        for entry in entries
    )


def right(family: int, address: bytes, number: bytes = b"7") -> Cookie:
    return Cookie(family, address, number, PROTOCOL, RIGHT)


OTHERS = [
    Cookie(LOCAL, b"another-host", b"7", PROTOCOL, WRONG),
    Cookie(LOCAL, HOST, b"8", PROTOCOL, WRONG),
    Cookie(LOCAL, HOST, b"7", b"XDM-AUTHORIZATION-1", WRONG),
    Cookie(INTERNET, b"\x0a\0\0\1", b"7", PROTOCOL, WRONG),
    Cookie(254, b"", b"7", PROTOCOL, WRONG),
]


@pytest.mark.parametrize(
    "entry",
    [
        right(LOCAL, HOST),
        right(LOCAL, HOST, b""),
        right(WILD, b""),
        right(WILD, b"another-host"),
        right(WILD, b"", b""),
    ],
)
def test_the_first_cookie_that_fits_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: Cookie) -> None:
    (tmp_path / "cookies").write_bytes(packed([*OTHERS, entry, right(LOCAL, HOST)._replace(data=WRONG)]))
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "cookies"))
    with socket.socket(HERE) as link:
        assert cookie_for(link, "7") == (PROTOCOL, RIGHT)
        assert cookie_for(link, "9") == (NONE if entry.number else (PROTOCOL, RIGHT))


class Peer(socket.socket):
    """A socket that says it is connected to ``address``."""

    def __init__(self, address: str) -> None:
        super().__init__(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._there = address

    def getpeername(self) -> tuple[str, int]:
        return self._there, 6007


@pytest.mark.parametrize(
    ("peer", "entry"),
    [
        ("127.0.0.1", right(LOCAL, HOST)),
        ("::1", right(LOCAL, HOST)),
        ("::ffff:127.0.0.1", right(LOCAL, HOST)),
        ("10.0.0.2", right(INTERNET, b"\x0a\0\0\2")),
        ("::ffff:10.0.0.2", right(INTERNET, b"\x0a\0\0\2")),
        ("fe80::2%lo", right(INTERNET_6, socket.inet_pton(socket.AF_INET6, "fe80::2"))),
        ("10.0.0.2", right(WILD, b"")),
    ],
)
def test_a_server_elsewhere_has_its_own_cookie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: str, entry: Cookie
) -> None:
    (tmp_path / "cookies").write_bytes(packed([*OTHERS[1:], entry]))
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "cookies"))
    with Peer(peer) as link:
        assert cookie_for(link, "7") == (PROTOCOL, RIGHT)


def test_without_a_file_of_cookies_none_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XAUTHORITY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.socket(HERE) as link:
        assert cookie_for(link, "7") == NONE
        (tmp_path / ".Xauthority").write_bytes(packed([right(LOCAL, HOST)]))
        assert cookie_for(link, "7") == (PROTOCOL, RIGHT)
        monkeypatch.setenv("XAUTHORITY", "")
        assert cookie_for(link, "7") == (PROTOCOL, RIGHT), "empty is not set"


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = packed([right(LOCAL, HOST)] * 3)
    for size in range(len(whole)):
        (tmp_path / "cookies").write_bytes(whole[:size])
        assert len(list(cookies(tmp_path / "cookies"))) == size // (len(whole) // 3)
    assert list(cookies(tmp_path)) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", [b"", b"another-host"])
def test_a_server_lets_in_whoever_has_a_cookie_for_any_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: bytes
) -> None:
    secret = secrets.token_bytes(16)
    (tmp_path / "server").write_bytes(packed([Cookie(LOCAL, HOST, b"0", PROTOCOL, secret)]))
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "client"))
    with x_server(tmp_path, "640x480", None, "-auth", str(tmp_path / "server")) as screen:
        with pytest.raises(SourceError, match="cannot be asked"):
            X11Desktop(screen.display)
        number = screen.display.removeprefix(":").encode()
        (tmp_path / "client").write_bytes(packed([Cookie(WILD, address, number, PROTOCOL, secret)]))
        with closing(X11Desktop(screen.display)) as desktop:
            assert desktop.windows() == []
