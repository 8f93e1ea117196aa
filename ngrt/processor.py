"""The processor: what it is, and how many of its cores this process may use."""

import math
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

PROC = Path("/proc")


def usable_cores() -> int:
    """Return how many cores this process may keep busy: those of its affinity and cpuset, within its cgroups' quotas.

    A quota that ends within a core is rounded down, to one at least: threads that share the rest would all be stopped
    until the next period. Asked anew each time, for all of them can be changed as a program runs.
    """
    return max(1, min([len(_affinity()) or os.cpu_count() or 1, *(math.floor(quota) for quota in _quotas())]))


@cache
def processor() -> str:
    """Return what tells this processor from others that may compute otherwise: its name and what it can."""
    name, flags = named()
    known = sha256(" ".join(sorted(flags)).encode()).hexdigest()[:12]
    return f"{name or platform.processor() or 'unknown'}, {platform.machine()}, {known}"


def named() -> tuple[str, set[str]]:
    """Return what the processor calls itself and what it can, as far as the system says."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    try:
        lines = (PROC / "cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return name, flags
    for line in lines:
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            name = value
        elif key in ("flags", "Features"):
            flags.update(value.split())
    return name, flags


def _affinity() -> set[int]:
    """Return the cores that the process may run on; none where the system does not tell."""
    if sys.platform == "linux":
        with suppress(OSError):
            return os.sched_getaffinity(0)
    if sys.platform == "win32":
        import psutil

        with suppress(OSError, psutil.Error):
            return set(psutil.Process().cpu_affinity())
    return set()


def _quotas() -> Iterator[float]:
    """Yield the cores' worth of time that each of the process's control groups may take, of both versions."""
    with suppress(OSError, ValueError):
        groups = (PROC / "self" / "cgroup").read_text("utf-8", "surrogateescape").splitlines()
        mounts = (PROC / "self" / "mountinfo").read_text("utf-8", "surrogateescape").splitlines()
        for group in groups:
            _, controllers, path = group.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            for folder in _folders(mounts, controllers, path):
                yield from _quota(folder)


def _folders(mounts: list[str], controllers: str, path: str) -> Iterator[Path]:
    """Yield the folders of a control group and of those that it is in, wherever the system has them mounted."""
    for mount in mounts:
        own, _, rest = mount.partition(" - ")
        kind, _, options = (*rest.split(" "), "", "")[:3]
        if kind != ("cgroup" if controllers else "cgroup2") or (controllers and "cpu" not in options.split(",")):
            continue
        root, point = own.split(" ")[3:5]
        inside = PurePosixPath(path)
        # a container sees its own group as the root of what is mounted
        inside = inside.relative_to(root) if inside.is_relative_to(root) else PurePosixPath(".")
        if ".." in inside.parts:
            inside = PurePosixPath(".")
        yield from (
            Path(point, part.relative_to("/") if part.is_absolute() else part) for part in (inside, *inside.parents)
        )


def _quota(folder: Path) -> Iterator[float]:
    with suppress(OSError, ValueError, ZeroDivisionError):  # version 2
        quota, period = (folder / "cpu.max").read_text("ascii").split()
        yield int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):  # version 1
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period"))
        if int(quota) > 0:
            yield int(quota) / int(period)
