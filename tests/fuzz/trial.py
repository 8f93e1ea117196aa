"""Reads one fuzzed file after the other in a process of its own, and says how each ended: run as a program.

``python -m tests.fuzz.trial FOLDER KIND SEED COUNT`` prints the number of an input before it is read, and then its end:
a crash or a hang is whatever has no end.
"""

import os
import random
import shutil
import sys
import time
import warnings
from pathlib import Path

import psutil

from ngrt.errors import NgrtError
from tests.fuzz.kinds import KINDS, PARITY, Kind

MEMORY = 1024 * 2**20
"""Bytes that reading may take beyond what the process had before."""


def main(folder: Path, kind: Kind, seed: int, first: int, last: int) -> None:
    """Read the inputs from number ``first`` up to ``last``."""
    warnings.simplefilter("ignore")
    shutil.copytree(PARITY / "siglip-tiny", folder / "siglip-tiny", dirs_exist_ok=True)
    path, seeds = folder / kind.file, kind.seeds()
    said = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    before = _peak()
    for number in range(first, last):
        rng = random.Random(f"{kind.name} {seed} {number}")
        path.write_bytes(kind.change(rng.choice(seeds), rng))
        said.write(f"begin {number}\n")
        began = time.monotonic()
        how = outcome(kind, path)
        grown = _peak() - before
        said.write(f"end {'memory' if grown > MEMORY else how} {time.monotonic() - began:.2f}\n")
        if grown > MEMORY:
            return  # the next has a fresh process


def _peak() -> int:
    """Return the most memory that this process had, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    else:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def outcome(kind: Kind, path: Path) -> str:
    """Return how reading the file at ``path`` ended."""
    try:
        kind.read(path)
    except NgrtError as error:
        said = str(error)
        return "refused" if said.isprintable() and len(said) < 10_000 else "crash harmful or endless words"
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        return f"crash {type(error).__name__}"
    return "taken"


if __name__ == "__main__":
    main(Path(sys.argv[1]), KINDS[sys.argv[2]], *map(int, sys.argv[3:6]))
