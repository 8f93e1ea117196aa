"""One ngrt a pad: a lock that ends with the process that holds it, however that ends."""

import os
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ngrt.errors import PadError
from ngrt.resource import Resource


class PadLock(Resource):
    """Holds the pad ``name`` for this process, from now until it is closed; ``named`` is what people call it.

    Files of processes that are gone do no harm: what counts is the system's lock on them, not that they are there.

    :raises PadError: another ngrt has it, or the lock cannot be made
    """

    def __init__(self, name: str, named: str | None = None) -> None:
        file = _folder() / f"pad-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}.lock"
        self._holder = file.with_suffix(".pid")  # beside it: on Windows what is locked cannot be read
        self._lock = FileLock(file, timeout=0, thread_local=False)  # closed by another thread than the one that opens
        try:
            self._lock.acquire()
            self._holder.write_text(str(os.getpid()))
        except Timeout as error:
            raise PadError(
                f"pad {named or name} is in use by another ngrt ({self._who()})",
                remedy="stop that one first, or choose another --pad",
            ) from error
        except OSError as error:
            raise PadError(
                f"pad {named or name} cannot be locked: {file} cannot be written ({error.strerror})",
                remedy="make its folder writable",
            ) from error

    def close(self) -> None:
        """Let another ngrt have the pad. May be called twice."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._holder.unlink()
            self._lock.release()

    def _who(self) -> str:
        try:
            return f"process {int(self._holder.read_text())}"
        except (OSError, ValueError):  # it has only just started, or is about to end
            return "just starting or ending"


def _folder() -> Path:
    """Return a folder that is this user's alone and the same for all their processes.

    :raises PadError: it cannot be made
    """
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    own = runtime.is_absolute() and runtime.is_dir()
    try:
        folder = runtime / "ngrt" if own else Path(tempfile.gettempdir()) / f"ngrt{_user()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        foreign = _user() not in {"", f"-{folder.lstat().st_uid}"}
    except OSError as error:
        where = error.filename or "for temporary files"
        raise PadError(
            f"folder {where} for locks cannot be made ({error.strerror})", remedy="set XDG_RUNTIME_DIR"
        ) from error
    if foreign:  # in a folder that all may write to, another user may have been first
        raise PadError(
            f"folder {folder} for locks belongs to another user", remedy="set XDG_RUNTIME_DIR to one of your own"
        )
    return folder


def _user() -> str:
    """Return what tells users apart in a folder for all; nothing on Windows, where each has one."""
    if sys.platform == "win32":
        return ""
    else:
        return f"-{os.getuid()}"
