"""Lets go of every key when the process that pressed them ends or stands still: keys outlive who pressed them.

A process of its own that waits for heartbeats on a pipe, and for its end, which the system brings even after a kill::

    python -P -m ngrt.keyboard.guardian --display :0 w a s d
"""

import argparse
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from ngrt.clock import MonotonicClock
from ngrt.errors import NgrtError, PadError
from ngrt.keyboard.names import PRESSABLE
from ngrt.keyboard.open import open_sender
from ngrt.keyboard.sender import KeySender

ROUNDS, PAUSE = 10, 0.1
"""How often keys that are still down are let go of, and the seconds between."""

TENACITY = 60.0
"""Seconds for which the guardian tries to let go of keys where nothing answers."""

SILENCE = 2.0
"""Seconds without a heartbeat after which who presses the keys counts as stopped, or frozen."""

READY = "ready"
"""What the guardian says once it could let go of keys; anything else is why it cannot."""

DEAF = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGPIPE")
"""Signals that are not for it: it ends when its work is done."""


def release(sender: KeySender, names: Iterable[str], enough: Callable[[], bool] = lambda: False) -> None:
    """Let go of ``names`` until none of them is down, or ``enough()``: presses that were on their way come later.

    What is down after `ROUNDS` somebody else holds.
    """
    names, clock = list(names), MonotonicClock()
    end, answers = clock.now() + TENACITY, 0
    while not sender.lost and answers < ROUNDS and clock.now() < end and not enough():
        with suppress(PadError):
            sender.put(names, ())
            if not sender.any_down(names):
                return
            answers += 1
        time.sleep(PAUSE)


def guard(sender: KeySender, names: Iterable[str], beats: "queue.SimpleQueue[bytes]", silence: float = SILENCE) -> None:
    """Let go of ``names`` whenever ``beats`` are silent, and at their end, which is an empty one."""
    names, beat = list(names), b"."
    while beat:
        try:
            beat = beats.get(timeout=silence)
        except queue.Empty:
            release(sender, names, lambda: not beats.empty())
            beat = beats.get()
    release(sender, names)


def main(arguments: list[str] | None = None) -> None:
    """Guard until standard input ends."""
    parser = argparse.ArgumentParser(prog="ngrt.keyboard.guardian", description=__doc__)
    parser.add_argument("--display", default="", help="X11 display; $DISPLAY if empty")
    parser.add_argument("names", nargs="+", choices=PRESSABLE, metavar="KEY")
    chosen = parser.parse_args(arguments)
    for name in DEAF:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)
    try:
        with open_sender(chosen.display or None, chosen.names) as sender:
            _say(READY)
            guard(sender, chosen.names, _heard(sys.stdin.fileno()))
    except NgrtError as error:  # a display that is gone has no keys down
        _say(str(error))
        sys.exit(1)


def _say(text: str) -> None:
    with suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _heard(file: int) -> "queue.SimpleQueue[bytes]":
    """Return what is read from ``file``, at its end an empty one: a thread reads, as a pipe on Windows needs it."""
    heard = queue.SimpleQueue[bytes]()

    def listen() -> None:
        data = b"."
        while data:
            try:
                data = os.read(file, 4096)
            except OSError:
                data = b""
            heard.put(data)

    threading.Thread(target=listen, name="ngrt-heartbeats", daemon=True).start()
    return heard


if __name__ == "__main__":
    main()
