"""How long an engine takes from a fresh process to its first chunk, and how much memory that needs."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.result import Distribution
from ngrt.errors import BundleError

LOADS = 3
STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Seconds, each sample in a process of its own whose imports are done; the files are in the system's cache.

    ``load``: manifest, hash check and sessions; ``first_chunk``: after it; ``peak_bytes`` of the process, None where
    the system does not tell.
    """

    threads: int
    load: Distribution
    first_chunk: Distribution
    peak_bytes: int | None

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        peak = "unknown on this system" if self.peak_bytes is None else f"{self.peak_bytes / 1e9:.2f} GB"
        return [
            ("load, hashes checked", self.load.line("s")),
            ("first chunk after it", self.first_chunk.line("s")),
            ("peak memory", peak),
        ]


def measure(engine: Path, threads: int, loads: int = LOADS) -> LoadResult:
    """Return what ``loads`` fresh processes took to load ``engine`` and to predict once.

    :raises ngrt.errors.BundleError: the engine cannot be loaded
    """
    samples = [_in_fresh_process(engine, threads) for _ in range(loads)]
    peaks = [peak for _, _, peak in samples if peak is not None]
    return LoadResult(
        threads,
        Distribution.of([load for load, _, _ in samples]),
        Distribution.of([first for _, first, _ in samples]),
        max(peaks, default=None),
    )


def _in_fresh_process(engine: Path, threads: int) -> tuple[float, float, int | None]:
    command = [sys.executable, "-m", "bench.load", str(engine), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BundleError(f"{engine} could not be loaded in a process of its own ({reason}); see: ngrt info {engine}")
    load, first, peak = json.loads(done.stdout)
    return load, first, peak


def once(engine: Path, threads: int) -> tuple[float, float, int | None]:
    """Load ``engine`` and predict a chunk; return seconds to load, seconds to the chunk, and peak memory in bytes."""
    from ngrt.backends.opening import open_policy

    frame = np.zeros((256, 256, 3), np.uint8)
    start = time.perf_counter()
    policy = open_policy(engine, threads=threads)
    loaded = time.perf_counter()
    policy.predict([frame])
    return loaded - start, time.perf_counter() - loaded, peak_memory()


def peak_memory() -> int | None:
    """Return the bytes this process had in memory at most, None where the system does not tell.

    Not from `resource.getrusage`: what that gives begins with the memory of the process that started this one.
    """
    if not STATUS.is_file():
        return None
    fields = dict(line.split(":", 1) for line in STATUS.read_text("utf-8").splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(once(Path(sys.argv[1]), int(sys.argv[2]))))
