"""What people give in place of a checkpoint, told by its first bytes."""

import re
import struct
from pathlib import Path

HEAD = 2**12
"""Bytes that are looked at."""

GET_FILE = "fetch the file itself: ngrt export nvidia/NitroGen --out DIR"
UNPACK = "unpack it, and give the .pt file in it"
SAVE_AGAIN = "load it with torch, and save it again with torch.save"
AGAIN = "download it again"

MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer, which only names the file",
        "run git lfs pull where it was cloned",
    ),
    (b"# xet version", "a Xet pointer, which only names the file", "run git xet checkout where it was cloned"),
    (b"GGUF", "a GGUF file", GET_FILE),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", GET_FILE),
    (b"\x93NUMPY", "a NumPy array", GET_FILE),
    (b"PAR1", "a Parquet table", GET_FILE),
    (b"%PDF", "a PDF", GET_FILE),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "in the format of torch before 1.6", SAVE_AGAIN),
)
"""First bytes, what begins with them, and what to do. See the formats' own descriptions."""

PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|(?><!--.*?-->)|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|body|title)", re.I | re.S
)
TAR = slice(257, 262)


def sniffed(path: Path) -> tuple[str, str]:
    """Return what the file at ``path`` is, and what to do; nothing if it may be torch's, or nobody knows it.

    :raises OSError: it cannot be read
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    for magic, name, remedy in MAGIC:
        if head.startswith(magic):
            return name, remedy
    signs = (
        (_is_safetensors(head, path.stat().st_size), "a safetensors file", GET_FILE),
        (PAGE.match(head), "a web page (HTML)", f"it may ask to sign in, or say that nothing is there; {GET_FILE}"),
        (head[TAR] == b"ustar", "a tar archive", UNPACK),
        (head.isascii() and head.lstrip()[:1] in {b"{", b"["}, "JSON text", GET_FILE),
        (
            path.suffix == ".onnx" and not head.startswith(b"PK"),
            "an ONNX graph",
            "give the checkpoint it was made from",
        ),
    )
    return next(((name, remedy) for found, name, remedy in signs if found), ("", ""))


def _is_safetensors(head: bytes, size: int) -> bool:
    """Return whether the length of a JSON header comes first, and then its beginning."""
    if len(head) < 9:
        return False
    (length,) = struct.unpack_from("<Q", head)
    return 0 < length <= size - 8 and head[8:9] == b"{"
