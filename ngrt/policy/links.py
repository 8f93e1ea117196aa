"""Bundles made of links, as the hub's cache keeps them: libraries refuse weights that lie outside the folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ngrt.errors import BundleError
from ngrt.policy.bundle import Manifest


@contextmanager
def without_links(folder: Path, manifest: Manifest) -> Iterator[Path]:
    """Yield ``folder``, or while its weights are links, a folder for the time of the ``with`` that has them as files.

    They are the same files under a second name where the disk can do that, else copies.

    :raises BundleError: they cannot be had as files
    """
    weights = [part.file for graph in manifest.graphs.values() for part in graph.data]
    if not any(_leads_away(folder, name) for name in weights):
        yield folder
        return
    names = {part.file for graph in manifest.graphs.values() for part in (graph, *graph.data)}
    beside = Path(os.path.realpath(folder / weights[0])).parent
    made = None
    try:
        try:
            made = _filled(folder, names, beside)
        except OSError:
            made = _filled(folder, names, None)
        yield made
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _leads_away(folder: Path, name: str) -> bool:
    path = folder / name
    return path.is_symlink() and os.path.realpath(path.parent) != os.path.dirname(os.path.realpath(path))


def _filled(folder: Path, names: set[str], beside: Path | None) -> Path:
    """Return a new folder with the files: in ``beside`` under a second name each, or copied if that is None.

    :raises OSError: they cannot be had under a second name there
    :raises BundleError: they cannot be copied
    """
    made = Path(tempfile.mkdtemp(prefix=".ngrt-", dir=beside))
    try:
        for name in names:
            target = os.path.realpath(folder / name)
            if not os.path.isfile(target):
                raise BundleError(f"{folder / name} is missing", remedy="fetch the bundle again, or export it again")
            if beside is None:
                shutil.copyfile(target, made / name)
            else:
                os.link(target, made / name)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        if beside is not None:
            raise
        raise BundleError(
            f"{folder} has its weights behind links, and they cannot be copied ({error.strerror})",
            remedy=f"copy it with what the links lead to: cp -rL {folder} NEW",
        ) from error
    except BundleError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made
