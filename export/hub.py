"""Fetch a checkpoint from the Hugging Face hub, resuming a broken download, and check it."""

import os
import re
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from ngrt.errors import CheckpointError
from ngrt.policy.bundle import CHECKPOINT_FILE, sha256_of

NITROGEN = "nvidia/NitroGen"
NITROGEN_SHA256 = "a266f5fb9c7dbdcdf97216558d2d82075a9a994b824cda69afa9fd3280260a81"
KNOWN = {NITROGEN: NITROGEN_SHA256}
"""SHA-256 of `ng.pt`, for repositories where it is known."""

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_repository(name: str) -> bool:
    """Return whether ``name`` is a hub repository: it has the form OWNER/NAME, and there is no file of that name."""
    return REPOSITORY.fullmatch(name) is not None and not name.endswith(".pt") and not os.path.exists(name)


def fetch(repository: str) -> Path:
    """Return the path of the checkpoint of ``repository``, downloaded into the hub's own cache unless it is there.

    :raises CheckpointError: it cannot be downloaded, or has another SHA-256 than it should
    """
    try:
        path = Path(hf_hub_download(repository, CHECKPOINT_FILE))
    except GatedRepoError as error:
        raise CheckpointError(
            f"{repository} wants its licence accepted first", remedy="do so on its page, then run: hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"the hub has no repository {repository} that you may read", remedy="check the name, or run: hf auth login"
        ) from error
    except LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"{repository} is no file here, and the hub cannot be reached for {repository}/{CHECKPOINT_FILE}",
            remedy="check the network, or give a file",
        ) from error
    except EntryNotFoundError as error:
        raise CheckpointError(
            f"{repository} has no file {CHECKPOINT_FILE}", remedy="name another repository, or a file"
        ) from error
    except HFValidationError as error:
        raise CheckpointError(
            f"{repository} cannot be a repository's name", remedy="give OWNER/NAME, or a file"
        ) from error
    except Exception as error:  # the hub's HTTP client has errors of its own
        raise CheckpointError(
            f"download of {repository}/{CHECKPOINT_FILE} broke off ({type(error).__name__})",
            remedy="check the network and the space on the disk, then run the command again",
        ) from error
    wanted = KNOWN.get(repository)
    if wanted is not None and (found := sha256_of(path)) != wanted:
        raise CheckpointError(
            f"{path.resolve()} has SHA-256 {found[:12]}…, {repository} publishes {wanted[:12]}…",
            remedy="remove it and run the command again",
        )
    return path
