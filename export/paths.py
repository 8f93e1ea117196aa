"""Where results go."""

import os
from pathlib import Path

from ngrt.errors import ExportError


def check_free(out: Path) -> None:
    """Check that nothing is at ``out`` and that its parent is a folder.

    :raises ExportError: otherwise
    """
    # os.path, unlike Path, takes a name too long for the disk as one that is not there
    if os.path.lexists(out):
        raise ExportError(f"{out} exists already", remedy="remove it or choose another --out")
    if not os.path.isdir(out.parent):
        raise ExportError(f"{out.parent} is not a folder", remedy="make it or choose another --out")
