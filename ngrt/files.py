"""The small files of ``ngrt predict``: noise in, a chunk out."""

import errno
import io
import os
import tempfile
from pathlib import Path
from tokenize import TokenError

import numpy as np

from ngrt.errors import ObservationError, SettingsError
from ngrt.messages import Array, Chunk

NOISE_LIMIT = 64 * 2**20
"""Bytes of a noise file; the largest chunk that a manifest allows needs a megabyte."""


def load_noise(path: Path) -> Array:
    """Return the array in a .npy file. The policy checks its shape.

    :raises ObservationError: there is no such file, it is too large, or it holds no plain array
    """
    if not path.is_file():
        raise ObservationError(f"noise file {path} does not exist", remedy="save one with numpy.save")
    if (size := path.stat().st_size) > NOISE_LIMIT:
        raise ObservationError(f"noise file {path} has {size} bytes", value=size, limit=f"the limit is {NOISE_LIMIT}")
    try:
        array = np.load(path, allow_pickle=False)  # a pickle could run code
    # a damaged header fails in many ways
    except (ValueError, OSError, EOFError, MemoryError, SyntaxError, TokenError) as error:
        raise ObservationError(
            f"noise file {path} is not a plain .npy array", remedy="save one with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray):
        raise ObservationError(f"noise file {path} is an archive", remedy="save a single array with numpy.save")
    return array


def save_chunk(chunk: Chunk, path: Path) -> None:
    """Write ``actions`` (H, A), ``j_left`` and ``j_right`` (H, 2) float32 and ``buttons`` (H, A-4) uint8 as .npz.

    :raises SettingsError: the file cannot be written
    """
    with io.BytesIO() as buffer:
        np.savez(buffer, actions=chunk.actions, j_left=chunk.j_left, j_right=chunk.j_right, buttons=chunk.buttons)
        write_whole(path, buffer.getvalue())


def check_target(path: Path, option: str) -> None:
    """Check that `write_whole` can write ``path``, given by ``option``, before there is anything to write.

    :raises SettingsError: it has no folder, or is something else than a file, or may not be written
    """
    if "\0" in str(path):
        raise SettingsError(f"{option} {str(path)!r} can be no file's name", remedy="choose another name")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise SettingsError(f"{path.parent} is not a folder", remedy=f"make it or choose another {option}")
    if os.path.lexists(target) and not os.path.isfile(target):
        raise SettingsError(f"cannot write {path}: it exists and is not a file", remedy=f"choose another {option}")
    if not os.access(target.parent, os.W_OK):
        raise SettingsError(f"cannot write into {path.parent}", remedy=f"choose another {option}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing. A link is followed; a folder or device of that name is refused.

    :raises SettingsError: the file cannot be written
    """
    target = Path(os.path.realpath(path))
    try:
        if os.path.lexists(target) and not os.path.isfile(target):
            raise SettingsError(f"cannot write {path}: it exists and is not a file", remedy="choose another name")
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
            part = Path(folder) / "part"
            part.write_bytes(content)
            os.replace(part, target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space, or choose another folder" if full else "choose another name or folder"
        raise SettingsError(f"cannot write {path}: {error.strerror}", remedy=remedy) from error
