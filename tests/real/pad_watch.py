"""Runs in the guest: SDL, as a game has it, watches the pad of a whole ``ngrt play``. Prints all it saw as JSON.

``python -m tests.real.pad_watch OPTION ...``, the options of ``ngrt play``.
"""

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.real.sdl_game import Game, devices

POLL = 0.1
"""Seconds between two polls: the policy needs the processors."""


def watch(options: list[str]) -> dict[str, Any]:
    """Play until the command ends; return what was seen of its pad, and what it said."""
    before = devices()
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "ngrt", "play", *options]
        playing = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        while playing.poll() is None and not devices() - before:
            time.sleep(POLL)
        game = Game()  # not before: SDL keeps looking
        pad = game.plug_in() if playing.poll() is None else None
        states = []
        while pad and playing.poll() is None and game.pad.attached():
            states.append(game.state())
            time.sleep(POLL)
        playing.wait()
        said.seek(0)
        return {
            "pad": pad,
            "states": states,
            "after": game.state() if pad else None,
            "left": sorted(devices() - before),
            "status": playing.returncode,
            "said": said.read(),
        }


if __name__ == "__main__":
    json.dump(watch(sys.argv[1:]), sys.stdout)
