"""The kernels that TensorRT for RTX compiles as it first runs an engine, kept so that the next start need not wait.

The library checks what it is given back: the GPU, the driver, its own version. What it refuses is compiled again.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from ngrt.errors import SettingsError
from ngrt.files import write_whole


class Kernels:
    """What one engine's execution contexts compile; ``config`` is given a cache for it, filled from ``path``."""

    def __init__(self, config: Any, path: Path) -> None:
        self._path, self._cache = path, config.create_runtime_cache()
        try:
            known = path.read_bytes()
        except OSError:  # none yet, or one that cannot be read: only time is lost
            known = b""
        self._saved = known if known and self._cache.deserialize(known) else b""
        config.set_runtime_cache(self._cache)

    def save(self) -> None:
        """Write what is known now, if it is more than before. Where that fails only the next start's time is lost."""
        memory = self._cache.serialize()
        found = b"" if memory is None else bytes(memory)
        if found in (b"", self._saved):
            return
        with suppress(OSError, SettingsError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, found)
            self._saved = found
