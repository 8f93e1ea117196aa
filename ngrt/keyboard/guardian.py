"""Lets go of every key when the process that pressed them ends, however it ends: keys outlive who pressed them.

A process of its own that does nothing but wait for the end of a pipe, which the system closes even after a kill::

    python -m ngrt.keyboard.guardian --display :0 w a s d
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

from ngrt.clock import MonotonicClock
from ngrt.errors import NgrtError, PadError
from ngrt.keyboard.names import PRESSABLE
from ngrt.keyboard.open import open_sender
from ngrt.keyboard.sender import KeySender
from ngrt.resource import Resource

ROUNDS, PAUSE = 10, 0.1
"""How often keys that are still down are let go of, and the seconds between."""

if sys.platform == "win32":
    _APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _APART = 0

PATIENCE = 0.8
"""Seconds that the guardian may take to end: with what an X server may take, less than a pad may take to close."""

TENACITY = 60.0
"""Seconds for which the guardian tries to let go of keys where nothing answers."""

_left: list[subprocess.Popen[bytes]] = []
"""Guardians that still try: what hangs may come back, and what this process sent last may be lost by then."""


class Guardian(Resource):
    """Watches over ``names`` on ``display`` until it is closed, or this process ends.

    :raises PadError: it cannot be started
    """

    def __init__(self, display: str | None, names: Iterable[str]) -> None:
        command = [sys.executable, "-m", "ngrt.keyboard.guardian"]
        command += ["--display", display or "", *sorted(names)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is not for it
                creationflags=_APART,
            )
        except OSError as error:
            raise PadError(f"what lets go of the keys after a crash cannot be started ({error})") from error

    def close(self) -> None:
        """Tell it that this process is done with the keys. May be called twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _left.append(self._process)


def release(sender: KeySender, names: Iterable[str]) -> None:
    """Let go of ``names`` until none of them is down: presses that were on their way come later.

    What is down after `ROUNDS` somebody else holds.
    """
    names, clock = list(names), MonotonicClock()
    end, answers = clock.now() + TENACITY, 0
    while not sender.lost and answers < ROUNDS and clock.now() < end:
        with suppress(PadError):
            sender.put(names, ())
            if not sender.any_down(names):
                return
            answers += 1
        time.sleep(PAUSE)


def main(arguments: list[str] | None = None) -> None:
    """Wait for the end of standard input, then let go."""
    parser = argparse.ArgumentParser(prog="ngrt.keyboard.guardian", description=__doc__)
    parser.add_argument("--display", default="", help="X11 display; $DISPLAY if empty")
    parser.add_argument("names", nargs="+", choices=PRESSABLE, metavar="KEY")
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # a display that is gone has no keys down; there is nobody to tell
    with suppress(NgrtError), open_sender(chosen.display or None, chosen.names) as sender:
        while sys.stdin.buffer.read(4096):
            pass
        release(sender, chosen.names)


if __name__ == "__main__":
    main()
