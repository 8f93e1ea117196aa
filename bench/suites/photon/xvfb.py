"""An X server without a screen, for as long as something is measured."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ngrt.errors import SourceError

PROGRAM = "Xvfb"
PATIENCE = 5.0


def installed() -> bool:
    """Return whether it can be started here."""
    return shutil.which(PROGRAM) is not None


@contextmanager
def x_server(size: tuple[int, int]) -> Iterator[str]:
    """Run a server with a screen of ``size`` (width, height) until the block ends; yield its display.

    :raises SourceError: it does not start
    """
    ready, told = os.pipe()
    command = [PROGRAM, "-displayfd", str(told), "-screen", "0", f"{size[0]}x{size[1]}x24", "-noreset"]
    command += ["-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[told], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(told)
    try:
        with os.fdopen(ready) as pipe:
            number = pipe.readline().strip()  # ends with the server, if it cannot start
        if not number:
            raise SourceError(
                f"{PROGRAM} does not start (exit code {server.wait()})", remedy=f"try: {' '.join(command[:1])} :99"
            )
        yield f":{number}"
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
