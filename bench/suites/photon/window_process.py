"""Runs the window that flips in a process of its own."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.suites.photon.flips import READY, Flip
from ngrt.child import python_command
from ngrt.errors import PadError

PATIENCE = 10.0
"""Seconds that the window may take to be shown."""


class Flashing:
    """The window, shown. It begins to flip when it is told to."""

    def __init__(self, process: subprocess.Popen[str], display: str) -> None:
        self._process, self._display = process, display
        self._lines: list[str] = []
        self._shown = threading.Event()
        self._reading = threading.Thread(target=self._read, name="bench-flashing", daemon=True)
        self._reading.start()

    def wait(self) -> None:
        """Return once it is shown.

        :raises PadError: it is not
        """
        self._shown.wait(PATIENCE)
        if self._lines[:1] != [READY]:
            raise PadError(
                "the window that flips is not shown", remedy=f"is display {self._display} there? See: ngrt doctor"
            )

    def begin(self) -> None:
        """Let it flip."""
        if self._process.stdin is not None:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    @property
    def ended(self) -> bool:
        """Whether it has done all its flips, or is gone."""
        return not self._reading.is_alive()

    def flips(self) -> list[Flip]:
        """Return what it saw, at its end.

        :raises PadError: it was gone before
        """
        self._reading.join()
        if len(self._lines) < 2:
            raise PadError("the window that flips was closed", remedy=f"leave display {self._display} alone meanwhile")
        return [Flip(**flip) for flip in json.loads(self._lines[1])]

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.append(line.strip())
                self._shown.set()
        self._shown.set()


@contextmanager
def flashing(display: str, count: int) -> Iterator[Flashing]:
    """Show a window on ``display`` that will flip ``count`` times, until the block ends.

    :raises PadError: it cannot be shown
    """
    command = python_command("bench.suites.photon.window", "--display", display, "--flips", str(count))
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            window = Flashing(process, display)
            window.wait()
            yield window
        finally:
            process.kill()
