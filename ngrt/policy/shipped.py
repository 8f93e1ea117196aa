"""The engine that ships with ngrt."""

from pathlib import Path

from ngrt.errors import BundleError


def arcade_engine() -> Path:
    """Return the folder of the engine that ships with ngrt.

    :raises BundleError: this installation came without it
    """
    package = Path(__file__).parents[1]
    for folder in (package / "engines" / "arcade", package.parent / "engines" / "arcade"):
        if folder.is_dir():
            return folder
    raise BundleError(
        "this installation has no arcade engine",
        remedy="install ngrt again, or name one of your own: ngrt play ENGINE --arcade",
    )
