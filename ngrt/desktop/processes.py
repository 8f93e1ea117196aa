"""What the processes of this machine are called: a program under Wine or Proton by its Windows name."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import psutil

from ngrt.desktop.matching import file_name

Answer = TypeVar("Answer")
Instead = TypeVar("Instead")

WINDOWS_PROGRAM = re.compile(r"[A-Za-z]:[\\/]|\\\\|.*\.exe$", re.IGNORECASE | re.DOTALL)
"""What the command line of a program under Wine begins with: ``C:\\Games\\game.exe``."""


def process_name(pid: int) -> str:
    """Return the file name of the program that process ``pid`` runs, "" where it is gone or nobody may know."""
    return _asked(lambda: _name(psutil.Process(pid)), "")


def running() -> dict[int, str]:
    """Return the names of all processes by their ids."""
    return dict(_running())


def own_line() -> frozenset[int]:
    """Return the ids of this process and of those that started it: a shell, its terminal, the desktop."""
    process = psutil.Process()
    nobody: list[int] = []
    return frozenset({process.pid, *_asked(lambda: [parent.pid for parent in process.parents()], nobody)})


def _running() -> Iterator[tuple[int, str]]:
    for process in psutil.process_iter():
        name = _asked(partial(_name, process), None)
        if name is not None:
            yield process.pid, name


def _name(process: psutil.Process) -> str:
    name = process.name()
    if psutil.WINDOWS:
        return name
    program = _asked(lambda: next(iter(process.cmdline()), ""), "")  # none of another user's, or of the system's
    # Linux keeps 15 bytes of a name; what Wine runs has its whole path, as Windows writes it, in the command line.
    return file_name(program) if WINDOWS_PROGRAM.match(program) else name


def _asked(ask: Callable[[], Answer], instead: Instead) -> Answer | Instead:
    """Return what ``ask`` is told of a process, or ``instead`` where it is gone or nobody may know."""
    try:
        return ask()
    except psutil.Error:
        return instead
