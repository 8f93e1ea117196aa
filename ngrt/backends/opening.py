"""From an engine bundle to a policy: which backend runs it here."""

import os
from pathlib import Path

from ngrt.backends.policy import EnginePolicy
from ngrt.bundle import read_manifest
from ngrt.errors import SettingsError

LEAST_THREADS = 8
"""Threads that may be asked for on any machine; far more than it has cores only wait for each other."""


def open_policy(folder: Path, *, threads: int | None = None, seed: int | None = None) -> EnginePolicy:
    """Return the policy of the bundle in ``folder``, its hashes checked.

    ``threads`` of the engine, all cores if None; ``seed`` makes the noise that is drawn repeatable.

    :raises BundleError: there is no bundle, or it was changed, or it cannot be loaded here
    :raises MissingExtraError: what runs it is not installed
    :raises EngineError: the device that runs it failed
    :raises SettingsError: so many threads make no sense
    """
    most = max(LEAST_THREADS, os.cpu_count() or 1)
    if threads is not None and not 1 <= threads <= most:
        raise SettingsError(f"threads is {threads}; on this machine it must be from 1 to {most}")
    manifest = read_manifest(folder)
    if manifest.target != "onnx":
        from ngrt.backends.policy_tensorrt import open_tensorrt

        return open_tensorrt(folder, manifest, seed)
    from ngrt.backends.policy_onnx import OnnxEngine

    return EnginePolicy(folder, manifest, OnnxEngine(folder, manifest, threads), seed)
