"""The names of the games that a policy was trained with, from the table beside its checkpoint.

A few hundred bytes of Parquet can hold gigabytes of names, and say so nowhere that can be trusted: the table is read in
a process of its own, which is ended when it takes more than any list of games does.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from export.config import Config
from ngrt.child import python_command
from ngrt.errors import CheckpointError
from ngrt.text import cut

FILE_LIMIT = 64 * 2**20
"""Bytes of a file with game names."""

ROWS_LIMIT = 100_000
"""Rows of a file with game names."""

TEXT_LIMIT = 4 * 2**20
"""Bytes of all names: they all come into the manifest."""

MEMORY_LIMIT = 768 * 2**20
SECONDS_LIMIT = 60.0
POLL = 0.01

READER = python_command("export.game_table")
"""What reads a table, in a process of its own: a hostile one may take all memory, or crash Arrow."""

LIMITS = f"the limits are {MEMORY_LIMIT >> 20} MiB and {SECONDS_LIMIT:g} s"
REMEDY = "restore it or remove it"


def read_games(config: Config, folder: Path) -> dict[str, int]:
    """Return the games' names and their embedding rows, sorted, from 1. Empty if their file is not in ``folder``.

    :raises CheckpointError: the file has no game names, or another number of them than the embedding has rows
    """
    mapping = config.tokenizer.game_mapping_cfg
    if mapping is None:
        return {}
    names: set[str] = set()
    for source in mapping.src_files:
        path = folder / Path(source.replace("\\", "/")).name  # the configuration has training's folders
        if not path.is_file():
            return {}
        if (size := path.stat().st_size) > FILE_LIMIT:
            raise CheckpointError(
                f"{path} has {size} bytes", value=size, limit=f"the limit for game names is {FILE_LIMIT}"
            )
        names.update(_names_in(path))
    if names and len(names) + 1 != config.game_rows:
        raise CheckpointError(
            f"{len(names)} game names, but the embedding has {config.game_rows} rows, one of them for no game",
            remedy="put the file of names that belongs to this checkpoint beside it",
        )
    return {name: row for row, name in enumerate(sorted(names), start=1)}


def _names_in(path: Path) -> list[str]:
    """Return the names in one table.

    :raises CheckpointError: it has none, too many of them, or is no table
    """
    command = [*READER, str(path), str(ROWS_LIMIT), str(TEXT_LIMIT)]
    with tempfile.TemporaryFile() as said:  # not a pipe, which is full before all is said
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.DEVNULL) as child:
            try:
                ended = _within_limits(child)
            finally:
                child.kill()
        said.seek(0)
        answer: dict[str, list[str]] = json.load(said) if ended and child.returncode == 0 else {}
    if "names" in answer:
        return answer["names"]
    if not ended:
        raise CheckpointError(f"{path} takes too much memory or time to read", limit=LIMITS, remedy=REMEDY)
    if "beyond" in answer:
        what, limit = answer["beyond"]
        raise CheckpointError(f"{path} has {what}", limit=f"the limit for game names is {limit}", remedy=REMEDY)
    raise CheckpointError(f"{path} has no readable column game_label{_why(answer)}", remedy=REMEDY)


def _why(answer: dict[str, list[str]]) -> str:
    return f" ({cut(answer['fault'][0], 200)})" if answer.get("fault") else ""


def _within_limits(child: "subprocess.Popen[bytes]") -> bool:
    """Wait for ``child``; return whether it ended by itself, within the limits of memory and time."""
    until = time.monotonic() + SECONDS_LIMIT
    while child.poll() is None:
        try:
            taken = psutil.Process(child.pid).memory_info().rss
        except psutil.Error:
            taken = 0  # it is ending
        if taken > MEMORY_LIMIT or time.monotonic() > until:
            return False
        time.sleep(POLL)
    return True
