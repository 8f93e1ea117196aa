"""Python processes of ngrt's own: they run its modules, and nothing that lies in the working folder."""

import sys
from pathlib import Path

_HERE = str(Path(__file__).parents[1])

# after Python's own modules, before what is installed: the ngrt that runs already, from a clone too
_RUN = """
import sys
here, module = sys.argv[1:3]
place = next((n for n, path in enumerate(sys.path) if path.endswith("-packages")), len(sys.path))
sys.path.insert(place, here)
sys.argv[1:3] = []
from runpy import run_module
run_module(module, run_name="__main__", alter_sys=True)
"""


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``module`` in a process of its own.

    ``python -m`` would look for every module in the working folder first, which may be a game's or a download's.
    """
    return [sys.executable, "-P", "-c", _RUN, _HERE, module, *arguments]
