"""Stops and starts a game's clock on Windows, through xspeedhack (extra ``lockstep``), as the reference's loop does.

Not yet run on Windows; its calls are checked against the library's own source.
"""

import importlib
import os
from contextlib import suppress
from typing import Protocol

from ngrt.errors import MissingExtraError, SourceError
from ngrt.resource import Resource

ARCHITECTURES = ("x64", "x86")
ON_WINDOWS = os.name == "nt"


class Client(Protocol):
    """What is used of ``xspeedhack.Client``."""

    def set_speed(self, value: float) -> None:
        """Let the game's clock run ``value`` times as fast."""


class SpeedHook(Resource):
    """Holds the clock of process ``pid``. It puts a library into that process: never on by default.

    :raises MissingExtraError: xspeedhack is not installed
    :raises SourceError: not on Windows, no such process, or it does not let itself be held
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._client = _connect(pid)

    def freeze(self) -> None:
        """Let the game stand still."""
        self._set(0.0)

    def thaw(self) -> None:
        """Let it go on."""
        self._set(1.0)

    def close(self) -> None:
        """Leave the game running, if it is there."""
        with suppress(SourceError):
            self.thaw()

    def _set(self, speed: float) -> None:
        try:
            self._client.set_speed(speed)
        except Exception as error:  # pywintypes.error shares no base but Exception
            raise SourceError(
                f"process {self._pid} cannot be held any more ({error})", remedy="is it still running?"
            ) from error


def _connect(pid: int) -> Client:
    if not ON_WINDOWS:
        raise SourceError("--freeze works on Windows only", remedy="choose another --chunking")
    try:
        library = importlib.import_module("xspeedhack")
    except ModuleNotFoundError as error:
        raise MissingExtraError("xspeedhack", "lockstep") from error
    failures = []
    for architecture in ARCHITECTURES:  # the injector of the other one refuses
        try:
            client: Client = library.Client(process_id=pid, arch=architecture)
            return client
        except Exception as error:  # noqa: BLE001  (subprocess and pywin32 errors; told below)
            failures.append(f"{architecture}: {error}")
    raise SourceError(
        f"process {pid} cannot be held ({'; '.join(failures)})", remedy="is it running, with your rights?"
    )
