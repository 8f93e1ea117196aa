"""What opens the policy of a session: an engine bundle on this machine, or whatever else fills the role."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ngrt.interfaces import Note, Policy
from ngrt.session.latency import engine_threads
from ngrt.session.settings import PlaySettings

OpenPolicy: TypeAlias = Callable[[Note], Policy]
"""Opens a policy, which the session then closes, and tells what takes long meanwhile.

Raises `ngrt.errors.NgrtError` where it cannot.
"""


def from_bundle(folder: Path, settings: PlaySettings) -> OpenPolicy:
    """Return what opens the engine bundle in ``folder``, on the backend and threads that the settings say."""

    def opened(note: Note) -> Policy:
        from ngrt.inference.open import open_policy

        note(f"loading {folder}")
        threads = engine_threads(settings.threads)
        return open_policy(folder, backend=settings.backend, threads=threads, seed=settings.seed, note=note)

    return opened
