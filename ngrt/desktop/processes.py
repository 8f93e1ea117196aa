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

INTERPRETER = re.compile(
    r"python|pypy|java|mono|dotnet|node|electron|ruby|perl|lua|love|godot|wine|box\d\d|qemu-|FEX|dosbox|scummvm|retroarch"
    r"|(ba|da|z|k)?sh$",
    re.IGNORECASE,
)
"""Programs that run a game which is another file, named among their arguments."""

ARGUMENTS = 3
"""Arguments among which that is looked for; some options have a value before it."""


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


def other_names(pid: int) -> tuple[str, ...]:
    """Return what else process ``pid`` goes by: its threads' name, its file's, and what an interpreter runs in it."""
    nobody: tuple[str, ...] = ()
    return _asked(lambda: _also(psutil.Process(pid)), nobody)


def _name(process: psutil.Process) -> str:
    name = process.name()
    if psutil.WINDOWS:
        return name
    line, program = _line(process), _program(process)
    # Linux keeps 15 bytes of a name; what Wine runs has its whole path, as Windows writes it, in the command line.
    if line and WINDOWS_PROGRAM.match(line[0]):
        return file_name(line[0])
    files = [program, *(file_name(word) for word in (line if INTERPRETER.match(program) else line[:1]))]
    renamed = not any(known.startswith(name) for known in files)  # engines name their threads: GameThread
    return program if renamed and program and not INTERPRETER.match(program) else name


def _also(process: psutil.Process) -> tuple[str, ...]:
    line, program, shown = _line(process), _program(process), _name(process)
    called = [file_name(word) for word in line[:1]]
    if INTERPRETER.match(program):
        called += [file_name(word) for word in line[1:] if not word.startswith("-")][:ARGUMENTS]
    known = dict.fromkeys([process.name(), program, *called])
    return tuple(name for name in known if name not in ("", shown))


def _line(process: psutil.Process) -> list[str]:
    nobody: list[str] = []
    return _asked(process.cmdline, nobody)  # none of another user's, or of the system's


def _program(process: psutil.Process) -> str:
    """Return the name of the file that runs, "" where nobody may know."""
    return file_name(_asked(process.exe, "")).removesuffix(" (deleted)")  # by an update, while it runs


def _asked(ask: Callable[[], Answer], instead: Instead) -> Answer | Instead:
    """Return what ``ask`` is told of a process, or ``instead`` where it is gone or nobody may know."""
    try:
        return ask()
    except (psutil.Error, OSError, ValueError):  # Linux: it may end while its files are read
        return instead
