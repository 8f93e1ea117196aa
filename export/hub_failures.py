"""Every way in which a download from the hub fails, called by its name, with the remedy."""

import errno
import socket
import ssl
from collections.abc import Iterator

from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ngrt.errors import CheckpointError
from ngrt.policy.bundle import CHECKPOINT_FILE
from ngrt.text import one_line

LOG_IN = "log in with a token that may read it: hf auth login"
AGAIN = "run the command again; what is there already is kept where it can be"
OTHER_CACHE = "or name another folder with HF_HUB_CACHE"

STATUS: dict[int, tuple[str, str]] = {
    401: ("the hub wants to know who asks, or the token has expired (HTTP 401)", LOG_IN),
    403: ("the hub does not let you read it (HTTP 403)", LOG_IN),
    404: ("the hub has nothing there (HTTP 404)", "check the name"),
    407: ("the proxy wants a name and a password (HTTP 407)", "set HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"),
    408: ("the hub gave up waiting (HTTP 408)", AGAIN),
    429: ("the hub was asked too often from here (HTTP 429)", "wait some minutes, or log in: hf auth login"),
    451: ("the hub may not give it to you for legal reasons (HTTP 451)", "give a file"),
    504: ("the hub did not answer in time (HTTP 504)", AGAIN),
}

DISK: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free 2 GB there"),
    errno.EDQUOT: ("your share of the disk is full", "free 2 GB there"),
    errno.EFBIG: ("the disk takes no file of 2 GB, as FAT does", "use another disk"),
    errno.EACCES: ("the hub's cache cannot be written: permission denied", "allow it"),
    errno.EPERM: ("the hub's cache cannot be written: not permitted", "allow it"),
    errno.EROFS: ("the hub's cache is on a disk that can only be read", "use another disk"),
}


def told(error: Exception, repository: str, revision: str | None) -> CheckpointError:
    """Return what ``error``, raised by the hub's client, means."""
    file = f"{repository}/{CHECKPOINT_FILE}"
    problem, remedy = (
        _of_the_repository(error, repository, revision)
        or _of_the_answer(error, file)
        or _of_the_disk(error, file)
        or _of_the_way(error, repository, file)
    )
    return CheckpointError(problem, value=repository, remedy=remedy)


def _of_the_repository(error: Exception, repository: str, revision: str | None) -> tuple[str, str] | None:
    if isinstance(error, GatedRepoError):
        return f"{repository} wants its licence accepted first", "do so on its page, then run: hf auth login"
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"the hub has no repository {repository} that you may read",
            "check the name, or run: hf auth login",
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {revision}", "name a branch, a tag or a commit, or leave --revision out"
    if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
        return f"{repository} has no file {CHECKPOINT_FILE}", "name another repository, or a file"
    if isinstance(error, HFValidationError):
        return f"{repository} cannot be a repository's name", "give OWNER/NAME, or a file"
    return None


def _of_the_answer(error: Exception, file: str) -> tuple[str, str] | None:
    for cause in _causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(status, int) and status >= 400:
            in_trouble = (f"the hub is in trouble (HTTP {status})", "see https://status.huggingface.co, and try later")
            problem, remedy = STATUS.get(status, in_trouble)
            return f"download of {file} failed: {problem}", remedy
        if isinstance(cause, OfflineModeIsEnabled):
            return (
                f"{file} is not in the hub's cache here, and HF_HUB_OFFLINE forbids to fetch it",
                "unset HF_HUB_OFFLINE, or give a file",
            )
    return None


def _of_the_disk(error: Exception, file: str) -> tuple[str, str] | None:
    for cause in _causes(error):
        number = cause.errno if isinstance(cause, OSError) else None
        if number in DISK and not isinstance(cause, ConnectionError):
            problem, remedy = DISK[number]
            return f"download of {file} failed: {problem} ({constants.HF_HUB_CACHE})", f"{remedy}, {OTHER_CACHE}"
    return None


def _of_the_way(error: Exception, repository: str, file: str) -> tuple[str, str]:
    for cause in _causes(error):
        kind, said = type(cause).__name__, str(cause)
        if isinstance(cause, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in said:
            return (
                f"download of {file} failed: the hub's certificate is not trusted ({one_line(cause)[:120]})",
                "check the clock; behind a company's proxy set SSL_CERT_FILE to its certificate",
            )
        if "Proxy" in kind or "407" in said[:8]:
            return f"download of {file} failed: the proxy does not let it through ({said[:80]})", "check HTTPS_PROXY"
        if isinstance(cause, socket.gaierror):
            return _unreached(repository, file, "its name is not known", "check the network and the name server")
        if "Timeout" in kind:
            return _unreached(repository, file, "it does not answer in time", "check the network")
    if isinstance(error, LocalEntryNotFoundError):
        return _unreached(repository, file, "", "check the network")
    return (
        f"download of {file} broke off ({type(error).__name__})",
        "check the network and the space on the disk, then run the command again",
    )


def _unreached(repository: str, file: str, why: str, remedy: str) -> tuple[str, str]:
    because = f" ({why})" if why else ""
    return (
        f"{repository} is no file here, and the hub cannot be reached for {file}{because}",
        f"{remedy}, or give a file",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what caused it, the innermost last."""
    found: BaseException | None = error
    for _ in range(20):  # a chain may be a circle
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__
