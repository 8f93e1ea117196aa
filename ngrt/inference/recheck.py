"""An engine is checked once more where it is opened otherwise than it was verified, and that is remembered.

Another version of what runs it, another processor or GPU may compute otherwise, and an engine that acts wrongly looks
like any other. So the manifest has what it did where it was verified, and it has to do the same here.
"""

from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ngrt.errors import BundleError, SettingsError
from ngrt.files import write_whole
from ngrt.inference.cache import cache_folder
from ngrt.inference.policy import EnginePolicy
from ngrt.interfaces import Note
from ngrt.messages import Array
from ngrt.policy.agreement import BUTTONS_LEAST, STICK_LIMIT, Agreement, agree
from ngrt.policy.bundle import Manifest
from ngrt.policy.reference import Reference, trials

MARGIN = 1e-3
"""Distance from a button's threshold within which rounding may decide."""


class OtherwiseError(BundleError):
    """An engine acts otherwise here than where it was verified; another backend may do better."""


def where(policy: EnginePolicy) -> str:
    """Return all that may decide how ``policy`` computes: ngrt, what runs its graphs, and on what."""
    try:
        own = version("ngrt")
    except PackageNotFoundError:
        own = "of no version"
    return f"ngrt {own}, {policy.engine.place}"


def reference_of(policy: EnginePolicy) -> Reference:
    """Return what ``policy`` does here, for its manifest."""
    return Reference.of(where(policy), _chunks(policy))


def recheck(folder: Path, policy: EnginePolicy, note: Note) -> None:
    """Check that ``policy`` acts as where it was verified, unless that is here or was checked here before.

    :raises OtherwiseError: it does not, by the limits of the gate
    :raises EngineError: the engine failed
    """
    manifest = policy.manifest
    if manifest.reference is None:
        note(f"{folder} does not say how it acted when it was verified, so that is not checked here; export it again")
        return
    here = where(policy)
    if manifest.reference.where == here:
        return
    record = _record(manifest, here)
    known = _known(record)
    if known is not None:
        if known:
            note(known)
        return
    note(f"checking once that {folder} acts here as where it was verified")
    agreement, told = _compared(folder, policy, manifest.reference)
    if told:
        note(told)
    if record is not None:
        with suppress(OSError, SettingsError):  # then it is checked again next time
            record.parent.mkdir(parents=True, exist_ok=True)
            write_whole(record, f"{told}\n{manifest.name}: {agreement}\n{here}\n".encode())


def _compared(folder: Path, policy: EnginePolicy, reference: Reference) -> tuple[Agreement, str]:
    """Return how near the policy's actions are to the reference, and what is to be told of that, empty if nothing.

    :raises OtherwiseError: not near enough
    """
    manifest = policy.manifest
    wanted, found = reference.chunks(policy.spec), _chunks(policy)
    agreement = agree(wanted, found, MARGIN, old_layout=policy.spec.old_layout)
    if not agreement.passes:
        problem = f"{folder} acts otherwise here than where it was verified: {agreement}"
        if policy.gate_failure and np.isfinite(agreement.sticks):  # it was written by force, and is told as failed
            return agreement, problem
        raise OtherwiseError(
            f"{problem} ({policy.engine.place}; verified with {reference.where})",
            value=agreement.sticks,
            limit=f"limits are {BUTTONS_LEAST:.0%} and {STICK_LIMIT}",
            remedy="upgrade what runs it (pip install -U), try another --backend, or export it again here",
        )
    furthest, limit = float(np.abs(np.stack(wanted) - np.stack(found)).max()), manifest.parity.actions_limit
    if manifest.gate is None and not furthest <= limit:
        return agreement, (
            f"{folder}: actions differ by {furthest:.1e} from where it was verified, more than the {limit:.0e} that it "
            f"was held to; {agreement}"
        )
    return agreement, ""


def _chunks(policy: EnginePolicy) -> list[Array]:
    found = list[Array]()
    for trial in trials(policy.spec):
        observed = policy.observe(trial.frames, trial.guidance, trial.game)
        found.append(policy.denoise(observed, trial.noise, policy.spec.steps)[0])
    return found


def _known(record: Path | None) -> str | None:
    """Return what is to be told of an engine that was checked here before; None if it was not."""
    with suppress(OSError, UnicodeDecodeError):
        if record is not None:
            return record.read_text("utf-8").partition("\n")[0]
    return None


def _record(manifest: Manifest, here: str) -> Path | None:
    """Return the file whose presence says that it was checked here; None where there is no place for one."""
    parts = [part.sha256 for _, graph in sorted(manifest.graphs.items()) for part in (graph, *graph.data)]
    reference = manifest.reference.actions if manifest.reference else ""
    key = sha256("\n".join([*parts, reference, here]).encode()).hexdigest()
    with suppress(OSError, RuntimeError):  # a user without a home
        return cache_folder() / "verified" / f"{key[:32]}.txt"
    return None
