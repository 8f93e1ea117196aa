"""The guest, booted: it sees the host's files read-only, and runs commands as root with a /dev/shm to write to."""

import os
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.patience import HANG
from tests.real.guest import Guest

LONGEST = 4 * HANG
"""Seconds after which a command in the guest hangs: programs in it wait for `HANG` themselves."""


class Machine:
    """A guest that runs one command after the other; it boots when it is first needed, and again after a hang."""

    def __init__(self, guest: Guest) -> None:
        self._guest, self._jobs = guest, 0
        self._folder = tempfile.TemporaryDirectory()
        self._console = Path(self._folder.name) / "console"
        self._emulator: subprocess.Popen[str] | None = None

    def run(self, command: Sequence[str | Path], folder: Path) -> tuple[int, str]:
        """Run ``command`` in ``folder``, a folder of the host's; return its exit status and what it said.

        Its environment is this process's, with everything that is written going to /dev/shm.
        """
        self._jobs += 1
        job, end = Path(self._folder.name) / f"job-{self._jobs}", f"end-{self._jobs}-{os.getpid()}"
        job.write_text(_script(command, folder))
        emulator = self._booted()
        assert emulator.stdin is not None
        assert emulator.stdout is not None
        watchdog = threading.Timer(LONGEST, emulator.kill)
        watchdog.start()
        try:
            emulator.stdin.write(f"{job} {end}\n")
            emulator.stdin.flush()
            said, status = self._heard(emulator.stdout, end)
        finally:
            watchdog.cancel()
        return int(status), said

    def close(self) -> None:
        """Switch it off."""
        if self._emulator is not None:
            self._emulator.kill()
            self._emulator.communicate()
        self._folder.cleanup()

    def _booted(self) -> "subprocess.Popen[str]":
        if self._emulator is not None:
            if self._emulator.poll() is None:
                return self._emulator
            self._emulator.communicate()
        command: list[str | Path] = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048", "-nic", "none",
            "-display", "none", "-monitor", "none", "-no-reboot",
            "-serial", f"file:{self._console}", "-serial", "stdio",
            "-kernel", self._guest.kernel, "-initrd", self._guest.files,
            "-append", "console=ttyS0 quiet panic=-1",
            "-virtfs", "local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap",
        ]  # fmt: skip
        pipe = subprocess.PIPE
        self._emulator = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        assert self._emulator.stdout is not None
        watchdog = threading.Timer(LONGEST, self._emulator.kill)
        watchdog.start()
        try:
            self._heard(self._emulator.stdout, "ready")
        finally:
            watchdog.cancel()
        return self._emulator

    def _heard(self, stream: IO[str], end: str) -> tuple[str, str]:
        """Return what is said before the line that begins with ``end``, and the rest of that line."""
        lines: list[str] = []
        for line in stream:
            if line.startswith(end):
                return "".join(lines).removesuffix("\n"), line.removeprefix(end).strip()
            lines.append(line)
        console = self._console.read_text(errors="replace")
        raise AssertionError(f"the guest hangs or is off: {''.join(lines)[-2000:]} {console[-2000:]}")


def _script(command: Sequence[str | Path], folder: Path) -> str:
    scratch = dict.fromkeys(("HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"), "/dev/shm")
    environment = {**os.environ, **scratch}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items() if name.isidentifier()]
    return "\n".join([*lines, f"cd {shlex.quote(str(folder))}", shlex.join(map(str, command))])
