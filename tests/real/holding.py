"""A process that holds keys on a display."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HOLDING = """
import sys, time
from ngrt.pads.keyboard import KeyboardPad
from ngrt.messages import PadState

pad = KeyboardPad(display=sys.argv[1])
pad.send(PadState(frozenset({"SOUTH"}), (1.0, -1.0)))
print(pad._guardian.process, flush=True)
while True:
    time.sleep(1)
"""


@contextmanager
def holding(display: str) -> "Iterator[tuple[subprocess.Popen[str], int]]":
    """Yield a process that holds keys on ``display``, and its guardian's id."""
    command = [sys.executable, "-c", HOLDING, display]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        guardian = int(process.stdout.readline())
        try:
            yield process, guardian
        finally:
            process.kill()
