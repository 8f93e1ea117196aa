"""The files of one graph, held open from the check of their hashes until they are loaded: what is hashed is loaded.

A graph is read once and handed on as bytes. Weights in files of their own may be gigabytes and are not copied: a
library maps them itself, by name. So their folder is pinned, and each file's identity and times are compared before
its hash was taken and after it was loaded: whoever exchanges it or writes into it in between is noticed.
"""

import hashlib
import mmap
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from io import BufferedReader
from pathlib import Path

from ngrt.errors import BundleError
from ngrt.policy.bundle import File, Graph
from ngrt.policy.references import NotAGraphError, Outside, named_files
from ngrt.resource import Resource

GRAPH_LIMIT = 2**31
"""Bytes of a graph without its weights' files: protobuf allows no more."""

Identity = tuple[int, ...]


class GraphFiles(Resource):
    """The open files of a graph, all with the hashes that the manifest states. Close it once the graph is loaded.

    ``content``: the graph; ``mapped`` where it is an engine of hundreds of megabytes, which is not to be in memory
    twice. ``data``: the open files of its weights, by the names that the graph has for them. ``pinned``: the folder in
    which a library finds these, the same one whatever is renamed meanwhile.

    :raises BundleError: a file is missing or was changed
    """

    def __init__(self, folder: Path, graph: Graph, *, mapped: bool = False) -> None:
        self.path = folder / graph.file
        self._folder, self._things = folder, ExitStack()
        self.data: dict[str, BufferedReader] = {}
        self._known: dict[str, tuple[BufferedReader, Identity]] = {}
        try:
            self.pinned = self._pin()
            for part in graph.data:
                self.data[part.file] = self._opened(part)
                _check_hash(folder / part.file, part, hashlib.file_digest(self.data[part.file], "sha256").hexdigest())
            self.content = self._content(graph, mapped=mapped)
        except BaseException:
            self.close()
            raise

    def check_graph(self) -> None:
        """Check, before a library reads the graph, that it is one and names only the files of its own.

        :raises BundleError: it is not, or names another
        """
        try:
            places = named_files(memoryview(self.content))
        except NotAGraphError as error:
            raise BundleError(
                f"{self.path} cannot be loaded (it is not an ONNX graph: {error})", remedy="export the bundle again"
            ) from error
        sizes = {name: os.fstat(file.fileno()).st_size for name, file in self.data.items()}
        for place in places:
            self._check_place(place, sizes)

    def check_unchanged(self) -> None:
        """Check, once a library has loaded them, that the files of weights are those whose hashes were checked.

        :raises BundleError: one was exchanged or written to meanwhile
        """
        for name, (file, before) in self._known.items():
            with suppress(OSError):
                if _identity(os.fstat(file.fileno())) == before == _identity(os.stat(f"{self.pinned}/{name}")):
                    continue
            raise BundleError(
                f"{self._folder / name} was changed while it was loaded",
                remedy="load it again, and see who writes to it",
            )

    def close(self) -> None:
        """Close the files. May be called twice."""
        self.data, self._known = {}, {}
        self._things.close()

    def _pin(self) -> str:
        if sys.platform == "linux":
            with suppress(OSError):
                number = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
                self._things.callback(os.close, number)
                pinned = f"/proc/self/fd/{number}"
                if os.path.isdir(pinned):
                    return pinned
        return str(self._folder)

    def _opened(self, part: File) -> BufferedReader:
        path = self._folder / part.file
        try:
            # closed with the others; and it does not wait for one who writes, if it is a pipe
            file = self._things.enter_context(open(path, "rb", opener=_open))  # noqa: SIM115
        except FileNotFoundError:
            raise BundleError(f"{path} is missing", remedy="export the bundle again") from None
        except IsADirectoryError:
            raise BundleError(f"{path} is not a file", remedy="export the bundle again") from None
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise BundleError(f"{path} is not a file", remedy="export the bundle again")
        self._known[part.file] = file, _identity(found)
        return file

    def _content(self, graph: Graph, *, mapped: bool) -> bytes | mmap.mmap:
        """Return the graph, read once, or mapped."""
        file = self._opened(graph)
        size = os.fstat(file.fileno()).st_size
        if not mapped and size > GRAPH_LIMIT:
            raise BundleError(
                f"{self.path} has {size} bytes", value=size, limit=f"the limit is {GRAPH_LIMIT}", remedy="export again"
            )
        # nothing can be mapped of a file that is empty
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped and size else file.read()
        _check_hash(self.path, graph, hashlib.sha256(content).hexdigest())
        if not mapped and not graph.data:
            del self._known[graph.file]  # what happens to it now matters to nobody
        return content

    def _check_place(self, place: Outside, sizes: Mapping[str, int]) -> None:
        if place.location not in sizes:
            raise BundleError(
                f"{self.path} has weights in {place.location[:80]!r}",
                value=place.location,
                limit=f"the manifest gives it {', '.join(sizes) or 'no file of weights'}",
                remedy="do not use it: export the bundle again",
            )
        if place.end > sizes[place.location]:
            raise BundleError(
                f"{self.path} has weights up to byte {place.end} of {place.location}",
                value=place.end,
                limit=f"the file has {sizes[place.location]}",
                remedy="export the bundle again",
            )


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _check_hash(path: Path, part: File, found: str) -> None:
    if found != part.sha256:
        raise BundleError(
            f"{path} was changed: SHA-256 {found[:12]}…, the manifest says {part.sha256[:12]}…", remedy="export again"
        )
