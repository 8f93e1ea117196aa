"""Loads the packages beside ngrt, `export` and `bench`: those that came with it, whatever else has their names."""

import importlib
import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from ngrt.errors import MissingExtraError, NgrtError

HERE = Path(__file__).parents[2]
"""The folder that ngrt is in: a clone, or where packages are installed."""

REINSTALL = "pip install --force-reinstall ngrt"


def stage(module: str) -> ModuleType:
    """Import a module of ``export`` or ``bench``, the only packages that need torch.

    :raises MissingExtraError: something that it needs is not installed
    :raises NgrtError: something else has the package's name and is in its way
    """
    _load_ours(module.partition(".")[0])
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        root = (error.name or module).partition(".")[0]
        if root in sys.modules or importlib.util.find_spec(root) is not None:
            raise  # it is there, and broken
        raise MissingExtraError(root, "export") from error


def _load_ours(package: str) -> None:
    """Load ``package`` from beside ngrt: a file or folder of a person's own may come first on the path."""
    loaded = sys.modules.get(package)
    if loaded is not None:
        if (found := getattr(loaded, "__file__", None)) is None or Path(found).parent != HERE / package:
            where = found or ", ".join(getattr(loaded, "__path__", ["something without a file"]))
            raise _in_the_way(where, package, "rename it, or start ngrt where it is not loaded")
        return
    spec = PathFinder.find_spec(package, [str(HERE)])
    if spec is None or spec.loader is None or spec.origin != str(HERE / package / "__init__.py"):
        other = importlib.util.find_spec(package)
        if other is None or other.origin is None:
            raise NgrtError(f"{HERE / package} is missing, which belongs to ngrt", remedy=REINSTALL)
        raise _in_the_way(other.origin, package, f"rename it or uninstall its package, then: {REINSTALL}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    spec.loader.exec_module(module)


def _in_the_way(found: str, package: str, remedy: str) -> NgrtError:
    return NgrtError(f"{found} is in the way of ngrt's own package {package}", value=found, remedy=remedy)
