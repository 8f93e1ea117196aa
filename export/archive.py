"""Looks into a checkpoint before torch does: an archive as torch.save writes it, whose pickle makes only plain things.

Torch runs no code in ``weights_only`` mode, but reads whatever size, depth and number of things a file says. What is
let through here has all of them within limits, and is read alike by torch and by the standard library.
"""

import os
import pickletools
import re
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from export.sniff import AGAIN, UNPACK, sniffed
from ngrt.errors import CheckpointError
from ngrt.text import short

MOST_DIRECTORY = 16 * 2**20
"""Bytes of the archive's directory: some hundred thousand tensors."""

MOST_PICKLE = 16 * 2**20
MOST_STEPS = 500_000
"""Steps of the pickle; a tensor takes about 30. Each makes at most a few hundred bytes."""

END, END_SIZE = b"PK\5\6", 22
LOCATOR, LOCATOR_SIZE = b"PK\6\7", 20
END64, END64_SIZE = b"PK\6\6", 56
LOCAL_SIZE = 30

STORAGE = re.compile(r"torch (?:cuda\.)?\w+Storage|torch\.storage (?:Untyped|Typed)Storage")
CALLED = {
    "collections OrderedDict",
    "torch Size",
    "torch device",
    "torch.serialization _get_layout",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_sparse_tensor",
    "torch._utils _rebuild_meta_tensor_no_storage",
    "torch.nn.parameter Parameter",
}
"""What a checkpoint of tensors and plain values calls for, beside storages and number formats."""

MOST_BITS = 62
"""Of an integer that is a key."""

KEYS = {"str", "int", "int_or_bool", "bool"}
"""Kinds of keys. Of others, such as tuples, very many can be made that hash alike: a dict of them takes for ever."""


def check_archive(path: Path) -> None:
    """Check that the file at ``path`` is an archive by torch.save within the limits, and calls for no code.

    :raises CheckpointError: it is not; what it is instead is named where that is known
    """
    try:
        pickled = _pickle_in(path)
        _check_pickle(pickled)
    except OSError as error:
        raise CheckpointError(
            f"checkpoint {path} cannot be read ({error.strerror})", remedy="allow it, or copy it"
        ) from error
    except _ForeignCallError as error:
        raise CheckpointError(
            f"checkpoint {path} calls for {error}, which could run code; nothing was run",
            remedy="get one that loads with weights_only=True",
        ) from error
    except (ValueError, zipfile.BadZipFile, struct.error, NotImplementedError) as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, how: str = "", remedy: str = AGAIN) -> CheckpointError:
    """Return the error for a file that is damaged, or no checkpoint at all."""
    said = f": {how}" if how else ""
    return CheckpointError(
        f"checkpoint {path} ({path.stat().st_size} bytes) is damaged or not made by torch.save{said}", remedy=remedy
    )


class _ForeignCallError(Exception):
    """Names what a pickle calls for that no checkpoint needs."""


def _pickle_in(path: Path) -> bytes:
    """Return the pickle in the archive at ``path``.

    :raises CheckpointError: it is something else, by name
    :raises ValueError: it is damaged, or beyond the limits
    """
    size = path.stat().st_size
    if size == 0:
        raise ValueError("it is empty, as when a download or a copy did not begin")
    name, remedy = sniffed(path)
    if name:
        raise CheckpointError(f"checkpoint {path} ({size} bytes) is {name}, not made by torch.save", remedy=remedy)
    with path.open("rb") as file:
        if not any(file.read(2**16)):
            raise ValueError("it begins with zeros, as when a download did not end")
        file.seek(0)
        if file.read(4) != b"PK\3\4":
            raise ValueError("")
        file.seek(max(0, size - END_SIZE - LOCATOR_SIZE - END64_SIZE))
        _check_end(file.read(), size)
    with zipfile.ZipFile(path) as archive:
        entry = _pickle_of(archive, path, size)
    with path.open("rb") as file:  # not through the archive: torch can be told to write no check sums
        file.seek(entry.header_offset)
        name_length, extra_length = struct.unpack_from("<2H", file.read(LOCAL_SIZE), LOCAL_SIZE - 4)
        file.seek(name_length + extra_length, os.SEEK_CUR)
        return file.read(entry.file_size)


def _check_end(tail: bytes, size: int) -> None:
    """Check the end of an archive of ``size`` bytes: a directory within the limit, where every reader looks for it.

    :raises ValueError: it is beyond the limit, or not at the end
    """
    end = tail[-END_SIZE:]
    if not end.startswith(END) or end[-2:] != b"\0\0":
        raise ValueError("its end is missing, as when a download broke off")
    length, start = struct.unpack_from("<2I", end, 12)
    at = size - END_SIZE
    locator = tail[-END_SIZE - LOCATOR_SIZE : -END_SIZE]
    if locator.startswith(LOCATOR):
        at -= LOCATOR_SIZE + END64_SIZE
        record = tail[-END_SIZE - LOCATOR_SIZE - END64_SIZE : -END_SIZE - LOCATOR_SIZE]
        if not record.startswith(END64) or struct.unpack_from("<Q", locator, 8) != (at,):
            raise ValueError("its directory is not at the end")
        length, start = struct.unpack_from("<2Q", record, 40)
    if length > MOST_DIRECTORY:
        raise ValueError(f"its directory has {length} bytes, and the limit is {MOST_DIRECTORY}")
    if start + length != at:
        raise ValueError("its directory is not at the end")


def _pickle_of(archive: zipfile.ZipFile, path: Path, size: int) -> zipfile.ZipInfo:
    """Return where the pickle is in ``archive``.

    :raises CheckpointError: it is an archive of other things
    :raises ValueError: it is not as torch writes it
    """
    entries = archive.infolist()
    names = [entry.filename.lower() for entry in entries]  # as torch compares them
    pickles = [entry for entry in entries if entry.filename.lower().endswith("/data.pkl")]
    if not pickles:
        inside = ", ".join(short(entry.filename) for entry in entries[:3])
        remedy = UNPACK if any(name.endswith((".pt", ".pth", ".ckpt")) for name in names) else AGAIN
        raise CheckpointError(
            f"checkpoint {path} ({size} bytes) is a zip archive of other things ({inside}), damaged or not made by "
            "torch.save",
            remedy=remedy,
        )
    if len(pickles) > 1 or len(set(names)) < len(names):
        raise ValueError("it has two files of one name")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise ValueError("it is compressed or encrypted, which torch.save never does")
    if any(entry.compress_size != entry.file_size for entry in entries) or sum(e.file_size for e in entries) > size:
        raise ValueError("its files are larger than itself")
    if pickles[0].file_size > MOST_PICKLE:
        raise ValueError(f"its pickle has {pickles[0].file_size} bytes, and the limit is {MOST_PICKLE}")
    return pickles[0]


def _check_pickle(pickled: bytes) -> None:
    """Follow the pickle step by step, without making anything.

    :raises _ForeignCallError: it calls for what no checkpoint needs
    :raises ValueError: it is damaged, or beyond the limits
    """
    stack, memo = list[Any](), dict[int, Any]()
    for number, (step, argument, _) in enumerate(pickletools.genops(pickled)):
        if number > MOST_STEPS:
            raise ValueError(f"its pickle takes more than {MOST_STEPS} steps")
        if step.name in {"GLOBAL", "INST"}:
            _check_called(str(argument))
        elif step.name in {"STACK_GLOBAL", "EXT1", "EXT2", "EXT4"}:
            raise ValueError("its pickle is of another protocol")
        try:
            _follow(step, argument, stack, memo)
        except (IndexError, KeyError) as error:
            raise ValueError("its pickle is damaged") from error


def _check_called(called: str) -> None:
    """Check what a pickle calls for: ``MODULE NAME``.

    :raises _ForeignCallError: no checkpoint needs it
    """
    module, _, name = called.partition(" ")
    is_dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
    if called not in CALLED and not is_dtype and not STORAGE.fullmatch(called):
        raise _ForeignCallError(f"{module}.{name}"[:200])


def _follow(step: pickletools.OpcodeInfo, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    """Do one step on a stack of the kinds of things that would be made.

    :raises ValueError: it would make a mapping of keys that are neither text nor numbers
    """
    if step.name in {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}:
        memo[len(memo) if argument is None else argument] = stack[-1]
        return
    if step.name in {"GET", "BINGET", "LONG_BINGET"}:
        stack.append(memo[argument])
        return
    taken = _taken(step, stack)
    keys = {"SETITEM": taken[1:2], "SETITEMS": taken[::2], "DICT": taken[::2]}.get(step.name, ())
    if not KEYS.issuperset(keys):
        raise ValueError("its pickle has keys that are neither text nor numbers")
    if step.name == "REDUCE" and taken[0] == "collections OrderedDict" and taken[1] != "EMPTY_TUPLE":
        raise ValueError("its pickle makes a mapping in an unusual way")
    if step.name in {"GLOBAL", "EMPTY_TUPLE"}:
        stack.append(argument or step.name)
    elif isinstance(argument, int) and argument.bit_length() > MOST_BITS:
        stack.append("large int")
    else:
        stack += [kind.name for kind in step.stack_after]


def _taken(step: pickletools.OpcodeInfo, stack: list[Any]) -> Sequence[Any]:
    """Take from the stack what ``step`` takes: so many things, or all down to the mark."""
    before = step.stack_before
    taken = list[Any]()
    if pickletools.markobject in before:
        while (kind := stack.pop()) != pickletools.markobject.name:
            taken.append(kind)
        before = before[: before.index(pickletools.markobject)]
        for _ in before:
            stack.pop()
    else:
        taken = [stack.pop() for _ in before]
    return taken[::-1]
