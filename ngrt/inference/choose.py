"""Which backend runs a bundle here where nobody has named one."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.errors import BundleError, EngineError, NgrtError
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.recheck import OtherwiseError
from ngrt.inference.runners import ON_PROCESSORS, RUNNERS
from ngrt.interfaces import Note
from ngrt.policy.bundle import Backend, Manifest

Open = Callable[[Backend], EnginePolicy]

RUNS = 2
"""Chunks of one step that are timed, after one that is not; the fastest counts."""

LEAST_BYTES = 64 * 2**20
"""Of graphs. What is smaller is run by the first that can: comparing takes longer than it could ever bring."""


def choose(folder: Path, manifest: Manifest, opened: Open, note: Note) -> EnginePolicy:
    """Return the policy that ``opened`` makes of the best backend for the bundle in ``folder``.

    A GPU before processors; of those that run on a processor the faster, as measured.

    :raises BundleError: none can run it here
    """
    able = [backend for backend, runner in RUNNERS.items() if runner.takes(manifest)]
    if len(able) == 1:
        return opened(able[0])
    lacking = {backend: reason for backend in able if (reason := RUNNERS[backend].lacking())}
    for backend in able:
        if backend in ON_PROCESSORS or backend in lacking:
            continue
        try:
            return opened(backend)
        except (BundleError, EngineError) as error:
            lacking[backend] = str(error)
            note(f"backend {backend} cannot be used: {error}")
    usable = [backend for backend in able if backend in ON_PROCESSORS and backend not in lacking]
    if not usable:
        reasons = "".join(f"{backend}: {reason}; " for backend, reason in lacking.items())
        raise BundleError(
            f"nothing here runs {folder}, which is {manifest.precision}: {reasons}"
            "or export again with --precision int8 or fp32"
        )
    policy, others = _first(usable, opened, note)
    if not others or _bytes_of_graphs(folder, manifest) < LEAST_BYTES:
        return policy
    return _fastest(policy, others, opened, note)


def seconds_of(policy: EnginePolicy) -> float:
    """Return how long a chunk of one step takes, warm."""
    clock, spec = MonotonicClock(), policy.spec
    frame = np.zeros((spec.image_size, spec.image_size, 3), np.uint8)
    noise = np.zeros((spec.action_horizon, spec.action_dim), np.float32)
    seconds = []
    for _ in range(1 + RUNS):
        start = clock.now()
        policy.predict([frame], noise, steps=1)
        seconds.append(clock.now() - start)
    return min(seconds[1:])


def _first(backends: Sequence[Backend], opened: Open, note: Note) -> tuple[EnginePolicy, Sequence[Backend]]:
    """Open the first that acts as the bundle was verified to; return it and those after it."""
    *others, last = backends
    for number, backend in enumerate(others):
        try:
            return opened(backend), backends[number + 1 :]
        except OtherwiseError as error:
            note(f"backend {backend} cannot be used: {error}")
    return opened(last), ()


def _fastest(policy: EnginePolicy, others: Sequence[Backend], opened: Open, note: Note) -> EnginePolicy:
    """Open one after the other; keep the faster each time and close the other."""
    try:
        seconds = seconds_of(policy)
        for backend in others:
            rival, rivals = _tried(backend, opened, note)
            if rival is None:
                continue
            if rivals < seconds:
                policy, rival, seconds, rivals = rival, policy, rivals, seconds
            note(
                f"{policy.engine.name} runs it: {seconds * 1e3:.0f} ms for a chunk of one step, "
                f"{rivals * 1e3:.0f} ms with {rival.engine.name}"
            )
            rival.close()
    except BaseException:
        policy.close()
        raise
    return policy


def _tried(backend: Backend, opened: Open, note: Note) -> tuple[EnginePolicy | None, float]:
    """Return the policy of a backend that there is an alternative to, and how fast it is; None if it fails."""
    policy = None
    try:
        policy = opened(backend)
        return policy, seconds_of(policy)
    except NgrtError as error:
        note(f"backend {backend} cannot be used: {error}")
        if policy is not None:
            policy.close()
        return None, 0.0


def _bytes_of_graphs(folder: Path, manifest: Manifest) -> int:
    files = [part.file for graph in manifest.graphs.values() for part in (graph, *graph.data)]
    return sum(path.stat().st_size for path in (folder / file for file in files) if path.is_file())
