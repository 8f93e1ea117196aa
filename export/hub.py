"""Fetch a checkpoint from the Hugging Face hub, at a pinned commit, and check it."""

import os
import re
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RevisionNotFoundError

from export.hub_failures import told
from ngrt.errors import CheckpointError
from ngrt.policy.bundle import CHECKPOINT_FILE, sha256_of

NITROGEN = "nvidia/NitroGen"
NITROGEN_SHA256 = "a266f5fb9c7dbdcdf97216558d2d82075a9a994b824cda69afa9fd3280260a81"
KNOWN = {NITROGEN: NITROGEN_SHA256}
"""SHA-256 of `ng.pt`, for repositories where it is known."""

PINNED = {NITROGEN: "aac2ba563ea94ba612d2d464ef05dff6069e2c13"}
"""The commit that has it. If the hub does not know the commit, its main branch is asked; the SHA-256 decides."""

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
SHA256 = re.compile(r"[0-9a-f]{64}")


def is_repository(name: str) -> bool:
    """Return whether ``name`` is a hub repository: it has the form OWNER/NAME, and there is no file of that name."""
    return REPOSITORY.fullmatch(name) is not None and not name.endswith(".pt") and not os.path.exists(name)


def fetch(repository: str, revision: str | None = None) -> Path:
    """Return the path of the checkpoint of ``repository``, downloaded into the hub's own cache unless it is there.

    ``revision``: a branch, tag or commit; that known to have the file whose SHA-256 is known, else main, if None.

    :raises CheckpointError: it cannot be downloaded, or has another SHA-256 than it should
    """
    pinned = PINNED.get(repository) if revision is None else None
    try:
        path = _downloaded(repository, pinned or revision, instead=pinned is not None)
    except Exception as error:  # the hub's HTTP client has errors of its own
        raise told(error, repository, revision) from error
    _check(path, repository, KNOWN.get(repository) if revision is None else None)
    return path


def _downloaded(repository: str, revision: str | None, *, instead: bool) -> Path:
    """Return the downloaded file. ``instead``: of main, if the hub does not have it at ``revision``."""
    try:
        return Path(hf_hub_download(repository, CHECKPOINT_FILE, revision=revision))
    except LocalEntryNotFoundError:
        raise
    except (RevisionNotFoundError, EntryNotFoundError):
        if not instead:
            raise
    return Path(hf_hub_download(repository, CHECKPOINT_FILE))


def _check(path: Path, repository: str, wanted: str | None) -> None:
    """Check the hash of what was downloaded: the one that is known, and the one that the hub names its copy by.

    :raises CheckpointError: it is another
    """
    named = path.resolve().name if SHA256.fullmatch(path.resolve().name) else None
    if wanted is None and named is None:
        return
    found = sha256_of(path)
    if named is not None and found != named:
        raise CheckpointError(
            f"{path.resolve()} has SHA-256 {found[:12]}…, {repository} publishes {named[:12]}…: it was damaged "
            "on its way",
            value=found,
            remedy="remove it and run the command again",
        )
    if wanted is not None and found != wanted:
        raise CheckpointError(
            f"{repository} publishes another {CHECKPOINT_FILE} now, SHA-256 {found[:12]}…; ngrt knows {wanted[:12]}…",
            value=found,
            remedy="upgrade ngrt, or take what is published without a check of ngrt's own: --revision main",
        )
