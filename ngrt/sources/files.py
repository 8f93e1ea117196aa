"""Opens files that people name as videos and pictures: files alone, never a device, a pipe or an address."""

import re
import stat
from pathlib import Path
from typing import BinaryIO

from ngrt.errors import SourceError

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""What addresses begin with; a path has lost the second slash. A drive of Windows is one letter."""

SCREEN = "play what shows it: --process GAME, --window TITLE or --display :0"

INSTEAD = (
    (stat.S_ISCHR, "a device, such as a capture card", f"show its picture in a window and {SCREEN}; or record a file"),
    (stat.S_ISBLK, "a disk", "copy the file from it"),
    (stat.S_ISFIFO, "a pipe", f"write a file instead, or {SCREEN}"),
    (stat.S_ISSOCK, "a socket", f"write a file instead, or {SCREEN}"),
)
"""What a path may be that is not a file, what that is called, and what to do instead."""

BEGINNINGS = (
    (b"#EXTM3U", "a playlist that names no video on a disk here", "download the video itself"),
    (b"ffconcat", "a list of other files", "give one of those files"),
    (b"v=0\r\n", "the description of a stream", f"record the stream, or {SCREEN}"),
    (b"v=0\n", "the description of a stream", f"record the stream, or {SCREEN}"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch the file: git lfs pull"),
    (b"<!doctype", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
    (b"<?xml", "a list of addresses or another text (XML)", "download the file itself"),
    (b"<mpd", "a list of addresses", "download the video itself"),
    (b"\x89png\r\n", "a still picture", "give it with --image"),
    (b"\xff\xd8\xff", "a still picture", "give it with --image"),
)
"""How files begin that are taken for videos, what they are, and what to do instead."""


def open_file(what: str, path: Path) -> BinaryIO:
    """Open the ``what`` (such as "video") that a person named, which is a file on a disk and nothing else.

    :raises SourceError: there is no such file, it is something else, or it may not be read
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise _missing(what, path, error) from error
    if stat.S_ISDIR(mode):
        raise SourceError(
            f"{what} {path} is not a file",
            value=str(path),
            remedy="check the path: this is a folder, name a file in it",
        )
    for is_it, called, remedy in INSTEAD:
        if is_it(mode):
            raise SourceError(f"{what} {path} is not a file but {called}", value=str(path), remedy=remedy)
    try:
        return path.open("rb")
    except OSError as error:
        raise _unread(what, path, error) from error


def _missing(what: str, path: Path, error: Exception) -> SourceError:
    if ADDRESS.match(str(path)):
        return SourceError(
            f"{what} {path} is not a file but an address",
            value=str(path),
            limit="only files are opened",
            remedy="download it first",
        )
    if str(path) == "-":
        return SourceError(f"{what} - is not a file but standard input", limit="only files are opened", remedy=SCREEN)
    if isinstance(error, PermissionError):
        return _unread(what, path, error)
    return SourceError(f"{what} {path} is not a file", value=str(path), remedy="check the path")


def _unread(what: str, path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{what} {path} cannot be opened ({error.strerror or error})",
        value=str(path),
        remedy="check its permissions, and those of its folder",
    )


def taken_for_video(start: bytes) -> tuple[str, str] | None:
    """Return what a file is that begins with ``start`` and is no video, and what to do instead; None if unknown."""
    if not start:
        return "empty: it has 0 bytes", "copy or record it again"
    if start[4:8] == b"ftyp":
        return "its index is missing or damaged", "record as mkv, which needs none at its end; or copy it again, whole"
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next(((called, remedy) for begin, called, remedy in BEGINNINGS if start.startswith(begin.lower())), None)
