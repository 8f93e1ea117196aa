"""The guardian of this process's keys: started, told that all is well, and started again where it is gone."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress

from ngrt.child import python_command
from ngrt.clock import MonotonicClock
from ngrt.deadline import Late, within
from ngrt.errors import PadError
from ngrt.keyboard.guardian import READY, SILENCE
from ngrt.resource import Resource

if sys.platform == "win32":
    _APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _APART = 0

PATIENCE = 0.8
"""Seconds that the guardian may take to end: with what an X server may take, less than a pad may take to close."""

STARTING = 20.0
"""Seconds that it may take to start, on a machine that is busy."""

BEAT = 0.25
"""Seconds between two heartbeats."""

STARTS = 3
"""Times in a row that it is started again."""

_left: list["subprocess.Popen[bytes]"] = []
"""Guardians that still try: what hangs may come back, and what this process sent last may be lost by then."""


class Guardian(Resource):
    """Watches over ``names`` on ``display`` until it is closed, or this process ends or stands still.

    :raises PadError: it cannot be started
    """

    def __init__(self, display: str | None, names: Iterable[str]) -> None:
        self._command = python_command("ngrt.keyboard.guardian", "--display", display or "", *sorted(names))
        self._clock, self._over = MonotonicClock(), threading.Event()
        self._watching = threading.Event()
        self._stood_still = threading.Event()
        self._failure: PadError | None = None
        self._process = self._started()
        self._watching.set()
        threading.Thread(target=self._beat, name="ngrt-heartbeat", daemon=True).start()

    @property
    def process(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def watching(self) -> bool:
        """Whether it watches now; while it is started again, no key may be pressed.

        :raises PadError: it cannot be started again
        """
        if self._failure is not None:
            raise self._failure
        return self._watching.is_set()

    def has_let_go(self) -> bool:
        """Return whether this process stood still, since the last call, for so long that keys were let go of."""
        stood_still = self._stood_still.is_set()
        self._stood_still.clear()
        return stood_still

    def close(self) -> None:
        """Tell it that this process is done with the keys. May be called twice."""
        self._over.set()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _left.append(self._process)
            return
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _started(self) -> "subprocess.Popen[bytes]":
        """Return a guardian that says it is ready.

        :raises PadError: none can be started
        """
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # a Ctrl-C in the terminal is not for it
                creationflags=_APART,
            )
        except OSError as error:
            raise _unstarted(str(error)) from error
        try:
            said = within(STARTING, lambda: _first_line(process), name="ngrt-guardian")
        except Late as error:
            _end(process)
            raise _unstarted(f"it has said nothing for {STARTING:g} s") from error
        except BaseException:
            _end(process)
            raise
        if said != READY:
            _end(process)
            raise _unstarted(said or f"it ended with exit code {process.returncode}")
        if process.stdin is not None and sys.platform != "win32":
            os.set_blocking(process.stdin.fileno(), False)  # a guardian that hangs must not hold the heart up
        return process

    def _beat(self) -> None:
        last = self._clock.now()
        while not self._over.wait(BEAT):
            now = self._clock.now()
            if now - last > SILENCE / 2:
                self._stood_still.set()
            last = now
            if not self._beat_once() and not self._over.is_set():
                self._watching.clear()
                self._start_again()
                last = self._clock.now()

    def _beat_once(self) -> bool:
        """Tell the guardian that this process is well; return whether it is there to hear it."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(b".")
        except (OSError, ValueError):  # it is gone, or was closed meanwhile
            return False
        return self._process.poll() is None

    def _start_again(self) -> None:
        for left in reversed(range(STARTS)):
            _end(self._process)
            try:
                self._process = self._started()
            except PadError as error:
                self._failure = None if left else error
                continue
            self._watching.set()
            if self._over.is_set():
                self.close()
            return


def _first_line(process: "subprocess.Popen[bytes]") -> str:
    return "" if process.stdout is None else process.stdout.readline().decode("utf-8", "replace").strip()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _unstarted(why: str) -> PadError:
    return PadError(f"what lets go of the keys after a crash cannot be started ({why})", remedy="use another --pad")
