"""Opens the policy of a session: an engine bundle on this machine, or anything else that fills the role."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ngrt.interfaces import Note, Policy
from ngrt.session.latency import engine_threads
from ngrt.session.settings import PlaySettings

OpenPolicy: TypeAlias = Callable[[Note], Policy]
"""Opens a policy, and tells the note what takes long; the session closes the policy.

Raises `ngrt.errors.NgrtError` if it cannot be opened.
"""


def from_bundle(folder: Path, settings: PlaySettings) -> OpenPolicy:
    """Return a function that opens the engine bundle in ``folder``, with the settings' backend and threads."""

    def open_bundle(note: Note) -> Policy:
        from ngrt.inference.open import open_policy

        note(f"loading {folder}")
        threads = engine_threads(settings.threads)
        return open_policy(folder, backend=settings.backend, threads=threads, seed=settings.seed, note=note)

    return open_bundle
