"""Where a user's machine keeps what would take time to find out again; all of it may be deleted."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return where this user's caches of ngrt are."""
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return Path(base) / "ngrt" if base else Path.home() / ".cache" / "ngrt"
