"""Writes results: all of them or none, and never over existing ones."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ngrt.ending import at_once
from ngrt.errors import ExportError


def check_free(out: Path) -> None:
    """Check that nothing is at ``out`` and that its parent is a folder.

    :raises ExportError: otherwise
    """
    # unlike Path, os.path says of a name too long for the disk that it does not exist
    if os.path.lexists(out):
        raise ExportError(f"{out} exists already", remedy="remove it or choose another --out")
    if not os.path.isdir(out.parent):
        raise ExportError(f"{out.parent} is not a folder", remedy="make it or choose another --out")


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to fill, which is moved to ``out`` at the end, or removed if anything fails.

    :raises ExportError: it cannot be made, filled or moved
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ExportError(f"cannot write beside {out}: {error.strerror}", remedy="choose another --out") from error

    def clear() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    try:
        with at_once(clear):
            yield folder
        with suppress(OSError):  # disks of other systems know no modes: others may read there, or nobody can be let
            folder.chmod(0o755)
        folder.rename(out)
    except OSError as error:
        raise ExportError(
            f"cannot write {out}: {error.strerror}", remedy="free space or choose another --out"
        ) from error
    finally:
        clear()
