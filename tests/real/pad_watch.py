"""Runs in the guest: SDL, as a game has it, watches the pad of a whole ``ngrt play``. Prints all it saw as JSON.

``python -m tests.real.pad_watch OPTION ...``, the options of ``ngrt play``.
"""

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.real.pad_drill import Game, devices


def watch(options: list[str]) -> dict[str, Any]:
    """Play until the command ends; return what was seen of its pad, and what it said."""
    before = devices()
    game = Game()
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "ngrt", "play", *options]
        playing = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        pad = game.plug_in(lambda: playing.poll() is None)
        states = []
        while pad and playing.poll() is None and game.pad.attached():
            states.append(game.state())
            time.sleep(0.02)
        playing.wait()
        said.seek(0)
        return {
            "pad": pad,
            "states": states,
            "left": sorted(devices() - before),
            "status": playing.returncode,
            "said": said.read(),
        }


if __name__ == "__main__":
    json.dump(watch(sys.argv[1:]), sys.stdout)
