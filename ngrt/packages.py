"""Which installed package brings a module."""

from importlib.metadata import packages_distributions

OURS = ("ngrt", "export", "bench")


def reinstall(module: str) -> str:
    """Return the command that installs again what brings ``module``; ngrt itself where that is not known."""
    library = module.partition(".")[0]
    if library in OURS or not library:
        return "pip install --force-reinstall ngrt"
    return f"pip install --force-reinstall {' '.join(packages_distributions().get(library, [library]))}"
