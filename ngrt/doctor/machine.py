"""Python, processor, memory, disk and timer."""

import os
import platform
import shutil
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ngrt.clock import MonotonicClock
from ngrt.control.percentiles import RecentSamples
from ngrt.doctor.checks import Finding
from ngrt.processor import named, usable_cores

GIB = 2**30

MEMORY = 1.5 * GIB
"""Free bytes that the released policy in int8 is comfortable with: it peaks at 0.7 GB, the game needs some too."""

DISK = 6 * GIB
"""Free bytes for the released checkpoint of 2 GB, an engine made from it, and what is written meanwhile."""

WAKES = 200
LATEST = 0.001
"""Seconds; the lateness in a tick that is let pass: 6% of one at 60 Hz."""

FLAGS = {
    "int8": {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "i8mm", "asimddp"},
    "bf16": {"avx512_bf16", "amx_bf16", "bf16"},
}
"""What Linux calls a processor's products of int8 and bfloat16."""


def python() -> Finding:
    """Find which Python runs which ngrt."""
    try:
        own = version("ngrt")
    except PackageNotFoundError:
        return Finding("limited", f"Python {platform.python_version()}; ngrt is not installed", "pip install -e .")
    return Finding("good", f"Python {platform.python_version()} on {platform.system()}, ngrt {own}")


def processor() -> Finding:
    """Find cores, and whether products of int8 and bfloat16 are fast."""
    from ngrt.inference.onnx.saturation import saturates

    name, flags = named()
    able = [kind for kind, known in FLAGS.items() if known & flags]
    fast = f"fast in {' and '.join(able)}" if able else "nothing is known of int8 and bf16" if not flags else ""
    found = ", ".join(part for part in (name, _cores(usable_cores(), os.cpu_count() or 1), fast) if part)
    if saturates():
        slow = "int8 takes twice as long here as with VNNI, to be right"
        return Finding("limited", f"{found}; {slow}", "ngrt bench --engine INT8 --engine FP32  # shows which is faster")
    return Finding("good", found)


def memory() -> Finding:
    """Find how much memory there is."""
    import psutil

    have = psutil.virtual_memory()
    found = f"{have.available / GIB:.1f} of {have.total / GIB:.1f} GiB free"
    if have.available >= MEMORY:
        return Finding("good", found)
    return Finding(
        "limited",
        f"{found}; the released policy in int8 peaks at 0.7 GB, in fp32 at 2.1 GB",
        "close other programs, then: ngrt export CHECKPOINT --precision int8 --out DIR",
    )


def disk(folder: Path) -> Finding:
    """Find the room for engines in ``folder``."""
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free in {folder}"
    if free >= DISK:
        return Finding("good", found)
    return Finding(
        "limited",
        f"{found}; the released checkpoint and an engine take up to {DISK / GIB:.0f} GiB",
        "ngrt export CHECKPOINT --out DIR  # with DIR and HF_HOME on a larger disk",
    )


def timer() -> Finding:
    """Find how late this thread wakes: from the waiting that ticks do, and from a plain sleep of 1 ms."""
    clock, never = MonotonicClock(), threading.Event()
    ticks = _late(lambda deadline: clock.wait_until(deadline, never))
    sleeps = _late(lambda deadline: time.sleep(max(0.0, deadline - clock.now())))
    found = f"ticks wake {ticks * 1e6:.0f} us late (p99 of {WAKES}), a sleep of 1 ms {sleeps * 1e6:.0f} us"
    if ticks <= LATEST:
        return Finding("good", found)
    return Finding("limited", found, "close what keeps the processor busy")


def _late(wait: Callable[[float], object]) -> float:
    """Return the 99th percentile of how many seconds late ``wait`` is, asked to wait 1 ms each time."""
    clock, late = MonotonicClock(), RecentSamples(WAKES)
    for _ in range(WAKES):
        deadline = clock.now() + 0.001
        wait(deadline)
        late.add(clock.now() - deadline)
    return late.percentile(99) or 0.0


def _cores(usable: int, count: int) -> str:
    of_all = f" of {count}" if usable < count else ""
    return f"{usable}{of_all} core{'s' * (max(usable, count) != 1)}"
