"""Runs the trials, notices those that do not end, and counts."""

import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.fuzz.kinds import KINDS, Kind

ENDS = ("taken", "refused", "crash", "hang", "memory")
SECONDS = 60.0
"""That reading one input may take, on a machine that does other things too."""

ROOT = Path(__file__).parents[2]


def fuzz(count: int, seed: int, keep: Path | None = None) -> dict[str, Counter[str]]:
    """Fuzz ``count`` inputs, shared out among the kinds; return how they ended, by kind.

    ``keep``: where inputs that crash, hang or take too much memory are copied to.
    """
    shares = sum(kind.weight for kind in KINDS.values())
    counts = {}
    for kind in KINDS.values():
        counts[kind.name] = Counter[str]()
        with tempfile.TemporaryDirectory() as folder:
            for number, how in _ends(Path(folder), kind, seed, max(1, count * kind.weight // shares)):
                counts[kind.name][how.split()[0]] += 1
                if how.split()[0] not in {"taken", "refused"}:
                    counts[kind.name][f"{number}: {how}"] += 1
                    if keep is not None:
                        keep.mkdir(parents=True, exist_ok=True)
                        shutil.copy(Path(folder) / kind.file, keep / f"{kind.name}-{seed}-{number}-{kind.file}")
    return counts


def report(counts: Mapping[str, Counter[str]]) -> str:
    """Return the counts as a table, and what did not end as it should."""
    lines = [f"{'':12}" + "".join(f"{how:>9}" for how in ENDS)]
    total = Counter[str]()
    for name, count in counts.items():
        lines.append(f"{name:12}" + "".join(f"{count[how]:9,}" for how in ENDS))
        total.update({how: count[how] for how in ENDS})
    lines.append(f"{'all':12}" + "".join(f"{total[how]:9,}" for how in ENDS))
    lines += [f"{name} {how}" for name, count in counts.items() for how in count if how not in ENDS]
    return "\n".join(lines) + "\n"


def _ends(folder: Path, kind: Kind, seed: int, count: int) -> Iterator[tuple[int, str]]:
    """Yield each input's number and how it ended; a new process goes on after one that did not end."""
    number = 0
    while number < count:
        command = [sys.executable, "-m", "tests.fuzz.trial", str(folder), kind.name, *map(str, (seed, number, count))]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as trial:
            try:
                for line in _lines(trial):
                    word, _, rest = line.partition(" ")
                    if word == "begin":
                        number, how = int(rest), ""
                    else:
                        how = rest.rpartition(" ")[0]
                        yield number, how
                        number += 1
                hung = trial.poll() is None and not _ended(trial)
            finally:
                trial.kill()
        if hung or trial.returncode:
            yield number, "hang" if hung else f"crash exit code {trial.returncode}"
            number += 1


def _ended(trial: "subprocess.Popen[bytes]") -> bool:
    try:
        trial.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _lines(trial: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Yield what ``trial`` says, until it ends or says nothing for too long."""
    assert trial.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(trial.stdout, selectors.EVENT_READ)
        while selector.select(SECONDS):
            if not (read := os.read(trial.stdout.fileno(), 2**16)):
                return
            *lines, rest = (rest + read).split(b"\n")
            yield from (line.decode() for line in lines)
