"""The engine bundle: a folder with ``manifest.json`` and the graphs it names. Read and checked here; nothing is run.

Graphs (B batch, F frames, S image side, L context tokens, H horizon, A action columns, M modulations, D width):

``schedule``  timesteps (N,) float32 -> modulations (N, M) float32
``observe``   frames (B, F, S, S, 3) uint8, and game (B,) int64 if the policy knows games (-1: an empty slot)
              -> context (B, L, Dv) float32, then key_i, value_i for each cross-attention layer i, ready for denoise
``denoise``   x (B, H, A), modulation (M,), dt (), remaining () = 1 - tau, mix (B, B), prior (B, H, A),
              weights (B, H, 1), guidance (), all float32, then every key_i, value_i -> next_x (B, H, A) float32:
              v = mix @ velocity(x);  v += guidance * weights * (prior - (x + remaining * v));  next_x = x + dt * v
"""

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from ngrt.errors import BundleError
from ngrt.policy.reference import Reference
from ngrt.policy.spec import Frozen, GraphSpec
from ngrt.reading import check_depth, first_fault, parse_json, read_whole
from ngrt.text import one_line, short

MANIFEST = "manifest.json"
CHECKPOINT_FILE = "ng.pt"
"""A checkpoint's name in a repository, and in a folder that was downloaded or cloned from one."""

MANIFEST_VERSION = 1
CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", "")
"""How files are called that may be a checkpoint; what is no bundle may be a video or an image as well."""

MANIFEST_LIMIT = 16 * 2**20
"""Bytes; a manifest lists a few graphs and perhaps some thousands of game names."""

MOST_VALUES = 400_000
"""Values in a manifest, a game's name and its row counted as one."""

MOST_FILES = 64
"""Files of weights beside one graph; each is read to check its hash."""

Precision = Literal["fp32", "fp16", "bf16", "int8", "fp8"]
"""Number format of weights and matrix products. int8 and fp8 are lossy and must pass a gate (`Gate`)."""

Target = Literal["onnx", "tensorrt", "tensorrt-rtx"]
"""Format of a bundle's observe and denoise graphs: ONNX files, or engines of one of TensorRT's two editions."""

Backend = Literal["cpu", "openvino", "cuda", "tensorrt"]
"""What runs a bundle: ONNX Runtime on the CPU, OpenVINO, ONNX Runtime on an NVIDIA GPU, TensorRT of either edition."""

AskedBackend = Literal["auto"] | Backend
"""The backend that a person chooses; auto: the best of those that can run the bundle here."""

GraphName = Literal["schedule", "observe", "denoise"]


def _plain_file_name(name: str) -> str:
    if not name or PurePosixPath(name).name != name or "\\" in name or name in {".", ".."}:
        raise ValueError(f"{short(name)} is not a plain file name")
    return name


FileName = Annotated[str, AfterValidator(_plain_file_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Tensor(Frozen):
    """One input or output of a graph; each dimension is a size, or a name if the size may vary."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class File(Frozen):
    """A file of the bundle and the hash it must have."""

    file: FileName
    sha256: Sha256


class Graph(File):
    """One graph: its file, its inputs and outputs, and the files of weights that are kept outside it."""

    data: Annotated[tuple[File, ...], Field(max_length=MOST_FILES)] = ()
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Parity(Frozen):
    """How far the exported graphs were from the torch model on fresh inputs, and the limit."""

    context: float
    """Largest absolute difference of the context."""
    actions: float
    """Largest absolute difference of the final actions."""
    actions_limit: float
    buttons_agree: float
    """Share of buttons that agree, of those that are more than 1e-3 from the threshold."""
    chunks: int
    steps: int


class Checkpoint(Frozen):
    """Where the weights came from."""

    file: str
    sha256: Sha256
    parameters: int
    tensors: int


class Gate(Frozen):
    """How far a lossy engine is from the fp32 graphs on the calibration frames with the same noise, and the limits.

    ``failure``: what was over its limit and where, "" if nothing was. An engine that failed was written by force.
    """

    buttons_agree: float
    buttons_least: float
    stick_error: float
    """Mean absolute error of the sticks."""
    stick_limit: float
    repeat_error: float
    """Largest difference between two runs of the fp32 graphs themselves: smaller differences mean nothing."""
    chunks: int
    steps: int
    frames: str
    """``generated``, or the names of the files that the frames are from."""
    failure: str = ""


class Manifest(Frozen):
    """``manifest.json``."""

    version: Literal[1] = 1
    name: str
    created: str
    """UTC, ISO 8601."""
    precision: Precision
    target: Target = "onnx"
    checkpoint: Checkpoint
    policy: GraphSpec
    config: dict[str, Any]
    """The checkpoint's own configuration, unchanged."""
    graphs: dict[GraphName, Graph]
    parity: Parity
    gate: Gate | None = None
    """None for a precision that needs no gate."""
    reference: Reference | None = None
    """What it did where it was verified, to be compared where it is opened; None in bundles from before there was."""
    capabilities: tuple[Annotated[str, Field(pattern=r"^\d{1,3}\.\d$")], ...] = ()
    """Compute capabilities that TensorRT engines were built for, such as 8.9."""
    tools: dict[str, str]
    """The tools that built the bundle, with their versions."""
    notice: str = ""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Return the checked manifest of the bundle in ``folder``.

    :raises BundleError: there is none, it is damaged, or it is of a newer version
    """
    path = _manifest_file(folder)
    try:
        raw = parse_json(read_whole(path, MANIFEST_LIMIT), MOST_VALUES)
        check_depth(raw)
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror})", remedy="allow it, or copy the bundle") from error
    except ValueError as error:
        raise BundleError(f"{path} is not JSON ({one_line(error)})", remedy="export the bundle again") from error
    version = raw.get("version") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > MANIFEST_VERSION:
        raise BundleError(
            f"{path} has version {short(version)}",
            value=version,
            limit=f"this ngrt reads up to {MANIFEST_VERSION}",
            remedy="upgrade ngrt or export again",
        )
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        where, what, _ = first_fault(error)
        raise BundleError(
            f"{path} is not a manifest: {where or 'the whole'}: {what}", remedy="export the bundle again"
        ) from error
    missing = {"schedule", "observe", "denoise"} - set(manifest.graphs)
    if missing:
        raise BundleError(f"{path} names no {', '.join(sorted(missing))} graph", remedy="export the bundle again")
    return manifest


def _manifest_file(folder: Path) -> Path:
    """Return the path of the manifest in ``folder``.

    :raises BundleError: there is none, or it is too large
    """
    if os.path.isfile(folder):
        made = f"make one with: ngrt export {folder} --out DIR"
        remedy = (
            made if folder.suffix in CHECKPOINTS else "name a bundle's folder first; a game's video or image follows"
        )
        raise BundleError(f"{folder} is a file, not an engine bundle", remedy=remedy)
    if not folder.is_dir():
        raise BundleError(
            f"no engine bundle at {folder}", remedy=f"make one with: ngrt export CHECKPOINT --out {folder}"
        )
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder} has no {MANIFEST}", remedy="make a bundle with: ngrt export CHECKPOINT --out DIR")
    if (size := path.stat().st_size) > MANIFEST_LIMIT:
        raise BundleError(
            f"{path} has {size} bytes", value=size, limit=f"the limit is {MANIFEST_LIMIT}", remedy="export again"
        )
    return path


def check_files(folder: Path, manifest: Manifest) -> None:
    """Check that every file the manifest names is there and has its hash.

    :raises BundleError: a file is missing or was changed
    """
    for part in (part for graph in manifest.graphs.values() for part in (graph, *graph.data)):
        path = folder / part.file
        if not path.is_file():
            raise BundleError(f"{path} is missing", remedy="export the bundle again")
        found = sha256_of(path)
        if found != part.sha256:
            raise BundleError(
                f"{path} was changed: SHA-256 {found[:12]}…, the manifest says {part.sha256[:12]}…",
                remedy="export again",
            )
