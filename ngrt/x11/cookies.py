"""The cookie by which an X server lets a program in, found as the other programs' library (libXau) finds it.

python-xlib knows only cookies for this host by its name; recipes for containers and remote desktops write others.
"""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

INTERNET, INTERNET_6, LOCAL, WILD = 0, 6, 256, 0xFFFF
"""Families of addresses: of IPv4 and IPv6, of this host by its name, and of any."""

PROTOCOL = b"MIT-MAGIC-COOKIE-1"
"""The only kind that python-xlib can send, and the only one in use."""

LIMIT = 4 * 2**20
"""Bytes that are read of a file of cookies; one has a few hundred."""

NONE = b"", b""
LOOPBACK = socket.inet_aton("127.0.0.1"), socket.inet_pton(socket.AF_INET6, "::1")
MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv6 address begins that stands for one of IPv4."""


class Cookie(NamedTuple):
    """An entry: for displays called ``number`` (any, where empty) at ``address``."""

    family: int
    address: bytes
    number: bytes
    name: bytes
    data: bytes


def cookie_for(link: socket.socket, number: str) -> tuple[bytes, bytes]:
    """Return the name and the data of the cookie for display ``number`` at the other end of ``link``, `NONE` for none.

    The first that fits counts: one of any family, or of the address, for the number or for any.
    """
    family, address = _address(link)
    for cookie in cookies(_file()):
        here = cookie.family == WILD or (cookie.family, cookie.address) == (family, address)
        if here and cookie.number in (b"", number.encode()) and cookie.name == PROTOCOL:
            return cookie.name, cookie.data
    return NONE


def cookies(path: Path) -> Iterator[Cookie]:
    """Yield the entries of a file of cookies up to its end, or to where it is damaged; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT)
    except OSError:
        return
    at = 0
    while at + 2 <= len(data):
        (family,) = struct.unpack_from(">H", data, at)
        at += 2
        fields: list[bytes] = []
        for _ in range(4):
            if at + 2 > len(data):
                return
            (size,) = struct.unpack_from(">H", data, at)
            fields.append(data[at + 2 : at + 2 + size])
            at += 2 + size
            if at > len(data):
                return
        yield Cookie(family, *fields)


def _file() -> Path:
    return Path(os.environ.get("XAUTHORITY") or Path(os.environ.get("HOME", "/nonexistent")) / ".Xauthority")


def _address(link: socket.socket) -> tuple[int, bytes]:
    """Return the family and the address of the other end; what is on this host goes by the host's name."""
    if link.family == socket.AF_INET6:
        address = socket.inet_pton(socket.AF_INET6, link.getpeername()[0].partition("%")[0])
        family, address = (INTERNET, address[12:]) if address.startswith(MAPPED) else (INTERNET_6, address)
    elif link.family == socket.AF_INET:
        family, address = INTERNET, socket.inet_aton(link.getpeername()[0])
    else:
        return LOCAL, os.fsencode(socket.gethostname())
    return (LOCAL, os.fsencode(socket.gethostname())) if address in LOOPBACK else (family, address)
