"""What is measured: bundles, and what is to run each."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ngrt.inference.runners import RUNNERS
from ngrt.policy.bundle import AskedBackend, Backend, Manifest, read_manifest


@dataclass(frozen=True, slots=True)
class Played:
    """A bundle on a backend of its own."""

    folder: Path
    backend: AskedBackend = "auto"

    @classmethod
    def of(cls, engine: "Engine") -> "Played":
        """Return ``engine``, on whatever suits this machine where nothing was said."""
        return engine if isinstance(engine, Played) else cls(engine)


Engine = Path | Played


def crossed(folders: Iterable[Path], backends: Iterable[AskedBackend]) -> tuple[tuple[Played, ...], dict[str, str]]:
    """Return every bundle on every backend that takes it, and why it is not measured on the others.

    :raises ngrt.errors.BundleError: there is no bundle
    """
    backends = tuple(dict.fromkeys(backends)) or ("auto",)
    found: list[Played] = []
    left: dict[str, str] = {}
    for folder in folders:
        manifest = read_manifest(folder)
        for backend in backends:
            if backend != "auto" and (reason := _why_not(manifest, backend)):
                left[f"{manifest.name} on {backend}"] = reason
            else:
                found.append(Played(folder, backend))
    return tuple(found), left


def _why_not(manifest: Manifest, backend: Backend) -> str:
    if not RUNNERS[backend].takes(manifest):
        return f"it is {manifest.precision} for {manifest.target}"
    return RUNNERS[backend].lacking()
