"""What the processes of this machine are called: a program under Wine or Proton by its Windows name."""

import re
from collections.abc import Iterator

import psutil

from ngrt.desktop.matching import file_name

WINDOWS_PROGRAM = re.compile(r"[A-Za-z]:[\\/]|\\\\|.*\.exe$", re.IGNORECASE | re.DOTALL)
"""What the command line of a program under Wine begins with: ``C:\\Games\\game.exe``."""


def process_name(pid: int) -> str:
    """Return the file name of the program that process ``pid`` runs, "" where it is gone or nobody may know."""
    try:
        return _name(psutil.Process(pid))
    except psutil.Error:
        return ""


def running() -> dict[int, str]:
    """Return the names of all processes by their ids."""
    return dict(_running())


def own_line() -> frozenset[int]:
    """Return the ids of this process and of those that started it: a shell, its terminal, the desktop."""
    process = psutil.Process()
    try:
        return frozenset({process.pid, *(parent.pid for parent in process.parents())})
    except psutil.Error:
        return frozenset({process.pid})


def _running() -> Iterator[tuple[int, str]]:
    for process in psutil.process_iter():
        try:
            yield process.pid, _name(process)
        except psutil.Error:
            continue


def _name(process: psutil.Process) -> str:
    name = process.name()
    if psutil.WINDOWS:
        return name
    try:
        program = next(iter(process.cmdline()), "")
    except psutil.Error:  # another user's, or the system's
        return name
    # Linux keeps 15 bytes of a name; what Wine runs has its whole path, as Windows writes it, in the command line.
    return file_name(program) if WINDOWS_PROGRAM.match(program) else name
