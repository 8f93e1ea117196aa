"""A bus of its own with a logind on it that knows one session of this user's."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from jeepney import DBus, HeaderFields, MessageType, new_error, new_method_return
from jeepney.io.blocking import DBusConnection, open_dbus_connection

from ngrt.desktop.logind import user

NAME, PATH = "org.freedesktop.login1", "/org/freedesktop/login1/session/_31"


@dataclass
class Logind:
    """Answers for a session on ``display``; ``locked`` is its hint."""

    display: str = ""
    locked: bool = False
    knows_callers: bool = True
    asked: list[str] = field(default_factory=list)

    def answer(self, message: Any) -> Any:
        """Return the reply to a call."""
        fields = message.header.fields
        method, path = fields[HeaderFields.member], fields[HeaderFields.path]
        self.asked.append(method)
        if method in {"GetSession", "GetSessionByPID"} and self.knows_callers:
            return new_method_return(message, "o", (PATH,))
        if method == "ListSessions":
            session = ("1", user(), "somebody", "seat0", PATH)
            return new_method_return(message, "a(susso)", ([session],))
        if method == "Get" and path == PATH:
            values = {"LockedHint": ("b", self.locked), "Display": ("s", self.display)}
            return new_method_return(message, "v", (values[message.body[1]],))
        return new_error(message, f"{NAME}.NoSuchSession", "s", ("there is none",))

    def serve(self, bus: DBusConnection) -> None:
        """Answer until the bus is gone."""
        try:
            while True:
                message = bus.receive()
                if message.header.message_type is MessageType.method_call:
                    bus.send(self.answer(message))
        except (OSError, EOFError):
            pass


@contextmanager
def bus_with(logind: Logind, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let ``logind`` answer on the system bus, until the block ends."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("not installed; apt-get install dbus")
    command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout is not None
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", daemon.stdout.readline().strip())
        bus = open_dbus_connection("SYSTEM")
        bus.send_and_get_reply(DBus().RequestName(NAME))
        serving = threading.Thread(target=logind.serve, args=(bus,))
        serving.start()
        try:
            yield
        finally:
            daemon.terminate()
            serving.join()
            bus.close()
