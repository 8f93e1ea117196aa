"""From an engine bundle to a policy: which backend runs it here."""

from pathlib import Path

from ngrt.errors import BundleError, SettingsError
from ngrt.inference.choose import choose
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.recheck import recheck
from ngrt.inference.runners import RUNNERS
from ngrt.interfaces import Note
from ngrt.policy.bundle import AskedBackend, Backend, Manifest, read_manifest
from ngrt.policy.links import without_links
from ngrt.processor import usable_cores
from ngrt.shortage import MEMORY

LEAST_THREADS = 8
"""Threads that may be asked for on any machine; far more than it has cores only wait for each other."""


def _silent(_: str) -> None:
    """Tell nobody."""


def open_policy(
    folder: Path,
    *,
    backend: AskedBackend = "auto",
    threads: int | None = None,
    seed: int | None = None,
    note: Note = _silent,
) -> EnginePolicy:
    """Return the policy of the bundle in ``folder``, its hashes checked, and that it acts as where it was verified.

    ``backend``: what runs it; auto takes the best of those that can, and tells ``note`` which where it had to measure.
    ``threads`` of the engine, as many as it may use cores if None; ``seed`` makes the noise that is drawn repeatable.

    :raises BundleError: there is no bundle, or it was changed, it cannot be loaded here, or acts otherwise here
    :raises MissingExtraError: what runs it is not installed
    :raises EngineError: the device that runs it failed
    :raises SettingsError: so many threads make no sense
    """
    most = max(LEAST_THREADS, usable_cores())
    if threads is not None and not 1 <= threads <= most:
        raise SettingsError(
            f"threads is {threads}", value=threads, limit=f"on this machine it must be from 1 to {most}"
        )
    try:
        return _opened(folder, backend, threads, seed, note)
    except MemoryError as error:
        raise BundleError(f"{folder} cannot be loaded: {MEMORY.what}", remedy=MEMORY.remedy) from error


def _opened(folder: Path, backend: AskedBackend, threads: int | None, seed: int | None, note: Note) -> EnginePolicy:
    manifest = read_manifest(folder)

    def opened(backend: Backend) -> EnginePolicy:
        with without_links(folder, manifest) as files:
            engine = RUNNERS[backend].open(files, manifest, threads)
        try:
            policy = EnginePolicy(folder, manifest, engine, seed)
            recheck(folder, policy, note)
            return policy
        except BaseException:
            engine.close()
            raise

    if backend == "auto":
        return choose(folder, manifest, opened, note)
    _check_taken(folder, manifest, backend)
    return opened(backend)


def _check_taken(folder: Path, manifest: Manifest, backend: Backend) -> None:
    if RUNNERS[backend].takes(manifest):
        return
    able = [name for name, runner in RUNNERS.items() if runner.takes(manifest)]
    remedy = f"use --backend {' or '.join(able)}, or leave it out" if able else "export it again"
    raise BundleError(
        f"backend {backend} does not run {folder}, which is {manifest.precision} for {manifest.target}", remedy=remedy
    )
