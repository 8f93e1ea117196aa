"""One fresh process from its first line to its first action, and its memory on the way.

Run as ``python -P -m bench.suites.fresh_process``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from ngrt.child import python_command
from ngrt.errors import BundleError

if TYPE_CHECKING:  # what a session imports is timed: none of it may be here before
    from bench.subjects.subjects import AnySubject
    from ngrt.policy.bundle import AskedBackend

STATUS = Path("/proc/self/status")
READY = "first action"


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a process took, in seconds, and bytes it had in memory, None where the system does not tell.

    ``imports`` of all that ``ngrt play`` imports for this engine; ``load``: manifest, hashes, graphs; ``warm_up``: the
    first chunk; ``first_action``: the next, to its first pad state; ``whole``: from being started to that, as the
    process that started it saw it.
    """

    imports: float
    load: float
    warm_up: float
    first_action: float
    whole: float
    backend: str
    after_imports: int | None
    after_load: int | None
    after_chunk: int | None
    peak: int | None


def start(engine: "AnySubject", threads: int) -> Fresh:
    """Return what a fresh process took for ``engine``.

    :raises ngrt.errors.BundleError: the engine cannot be loaded there
    """
    from bench.subjects.subjects import Subject

    subject = Subject.of(engine)
    command = python_command("bench.suites.fresh_process", str(subject.folder), subject.backend, str(threads))
    before = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            lines: Iterable[str] = [] if process.stdout is None else process.stdout
            ready = next(iter(lines), "")
            whole = time.perf_counter() - before
            told = "".join(lines)  # not by communicate: some of it may have been read with the first line
            process.wait()
        except BaseException:
            process.kill()  # nobody waits for what it finds any more
            raise
        errors.seek(0)
        said = errors.read()
    if process.returncode != 0 or ready.strip() != READY:
        reason = (said.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise BundleError(
            f"{subject.folder} could not be loaded in a process of its own ({reason})",
            remedy=f"see: ngrt info {subject.folder}",
        )
    return Fresh(**json.loads(told) | {"whole": whole})


def once(folder: Path, backend: "AskedBackend", threads: int, results: TextIO) -> Fresh:
    """Import, load, warm up, act in this process, and tell ``results`` that; ``whole`` is left at 0."""
    begun = time.perf_counter()
    import numpy as np

    import ngrt.session.play  # noqa: F401  (what a session imports)
    from ngrt.inference.onnx import cpu  # noqa: F401
    from ngrt.inference.open import open_policy

    imported, after_imports = time.perf_counter(), memory("VmRSS")
    policy = open_policy(folder, backend=backend, threads=threads)
    loaded, after_load = time.perf_counter(), memory("VmRSS")
    frame = np.zeros((256, 256, 3), np.uint8)
    policy.predict([frame])
    warm = time.perf_counter()
    policy.predict([frame]).pad(0)
    acted = time.perf_counter()
    results.write(READY + "\n")
    results.flush()
    times = imported - begun, loaded - imported, warm - loaded, acted - warm, 0.0
    after_chunk, peak = memory("VmRSS"), memory("VmHWM")
    return Fresh(*times, policy.engine.backend, after_imports, after_load, after_chunk, peak)


def memory(field: str) -> int | None:
    """Return the bytes this process has in memory (VmRSS) or had at most (VmHWM), None where the system does not tell.

    Not from `resource.getrusage`: what that gives begins with the memory of the process that started this one.
    """
    if not STATUS.is_file():
        return None
    fields = dict(line.split(":", 1) for line in STATUS.read_text("utf-8").splitlines())
    return int(fields[field].split()[0]) * 1024 if field in fields else None


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # what libraries print is no result
        found = once(Path(sys.argv[1]), cast("AskedBackend", sys.argv[2]), int(sys.argv[3]), out)
        out.write(json.dumps(asdict(found)))
