"""Load a checkpoint without running any code in it, and check every tensor."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from export.archive import check_archive, damaged
from export.config import Config
from export.games import read_games
from export.model import NitroGen
from export.plain import as_json, plain_copy
from export.resolve import resolve
from ngrt.errors import CheckpointError
from ngrt.policy.bundle import CHECKPOINT_FILE, MANIFEST
from ngrt.text import short

WEIGHTS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
"""Number formats of stored weights; all are converted to float32."""

WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of a tensor's name from torch.compile and others that wrap a model; "module", from DDP, at its beginning."""

MOST_WRAPPED = 4
"""Times that a model is wrapped."""

SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
MOST_LISTED = 1000
"""Files of a folder that are looked at for a checkpoint to name."""

GAME_TENSOR = "game_embedding.weight"


@dataclass(frozen=True)
class Checkpoint:
    """A checked checkpoint: the model with its weights, and its configuration, unchanged."""

    path: Path
    model: NitroGen
    raw_config: dict[str, Any]
    games: dict[str, int]
    parameters: int
    tensors: int

    @property
    def config(self) -> Config:
        """The checked configuration."""
        return self.model.config


def load_checkpoint(path: Path, context_frames: int | None = None) -> Checkpoint:
    """Return the checkpoint at ``path``. Its weights stay on disk until they are used.

    :raises CheckpointError: it is missing, damaged, unsafe or not in NitroGen's format
    """
    path = checkpoint_file(path)
    content = read_pickle(path)
    if not isinstance(content, dict) or not all(dict.__contains__(content, key) for key in ("model", "ckpt_config")):
        raise CheckpointError(
            f"{path} has no 'model' and 'ckpt_config'", value=path, limit="it must be a checkpoint in NitroGen's format"
        )
    # dict's own methods: a file may give a mapping attributes that hide them
    stored, raw = (dict.__getitem__(content, key) for key in ("model", "ckpt_config"))
    if not isinstance(stored, dict) or not all(isinstance(value, Tensor) for value in dict.values(stored)):
        raise CheckpointError(
            f"{path} holds something other than tensors in 'model'", value=path, limit="it must be a state dict"
        )
    tensors, raw = unwrapped({str(name): value for name, value in dict.items(stored)}), plain_copy(raw)
    config = resolve(raw, _game_rows(raw, tensors), path.parent, context_frames)
    with torch.device("meta"):
        model = NitroGen(config)
    check_tensors(tensors, model)
    model.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
    model.eval().requires_grad_(False)
    games = read_games(config, path.parent)
    return Checkpoint(path, model, as_json(raw), games, sum(value.numel() for value in tensors.values()), len(tensors))


def checkpoint_file(path: Path) -> Path:
    """Return the checkpoint at ``path``: a file, or ``ng.pt`` in a folder that was downloaded or cloned.

    :raises CheckpointError: there is neither
    """
    if not os.path.isdir(path):
        return path
    inside = path / CHECKPOINT_FILE
    if os.path.isfile(inside):
        return inside
    if os.path.isfile(path / MANIFEST):
        raise CheckpointError(f"checkpoint {path} is not a file but an engine bundle", remedy=f"ngrt play {path}")
    others = sorted(found.name for found in islice(path.iterdir(), MOST_LISTED) if found.suffix in SUFFIXES)
    remedy = f"name the file: {path / others[0]}" if others else "name a file, or work in another folder"
    raise CheckpointError(f"checkpoint {path} is not a file but a folder without {CHECKPOINT_FILE}", remedy=remedy)


def read_pickle(path: Path) -> object:
    """Return the content of a checkpoint file: tensors and plain containers, nothing that can run code.

    :raises CheckpointError: the file is missing or damaged, or contains anything else
    """
    if not os.path.isfile(path):
        raise CheckpointError(
            f"checkpoint {path} is not a file",
            remedy="check the path, or fetch it: ngrt export nvidia/NitroGen --out DIR",
        )
    check_archive(path)
    try:
        with _readable_name(path) as name:
            return torch.load(name, map_location="cpu", weights_only=True, mmap=True)
    except PermissionError as error:
        raise CheckpointError(
            f"checkpoint {path} cannot be read ({error.strerror})", remedy="allow it, or copy it"
        ) from error
    except Exception as error:  # damage deep in a file can raise anything
        raise damaged(path) from error


@contextmanager
def _readable_name(path: Path) -> Iterator[Path]:
    """Yield a name of the file that torch can take: it knows only those that are UTF-8."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory(prefix="ngrt-") as folder:
            link = Path(folder) / "checkpoint.pt"
            link.symlink_to(path.resolve())
            yield link
        return
    yield path


def unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors by the names that the model itself gives them, without those of what wrapped it for training.

    :raises CheckpointError: two tensors would have one name
    """
    names = {name: [part for part in name.split(".") if part not in WRAPPERS] for name in tensors}
    for _ in range(MOST_WRAPPED):
        if not all(len(parts) > 1 and parts[0] == "module" for parts in names.values()):
            break
        names = {name: parts[1:] for name, parts in names.items()}
    found = {".".join(names[name]): value for name, value in tensors.items()}
    if len(found) < len(tensors):
        raise CheckpointError(
            f"checkpoint has tensors both with and without the prefixes module. and {', '.join(sorted(WRAPPERS))}",
            remedy="save the state dict of the model itself",
        )
    return found


def check_tensors(tensors: dict[str, Tensor], model: NitroGen) -> None:
    """Check that ``tensors`` are exactly those of ``model``, in floating point and finite.

    :raises CheckpointError: one is missing, superfluous, of another shape or type, or has NaN or infinite weights
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    faults = [f"{name} is missing" for name in wanted if name not in tensors]
    faults += [f"{short(name)} is not a tensor of this model" for name in tensors if name not in wanted]
    for name in (name for name in wanted if name in tensors):
        value, shape = tensors[name], wanted[name]
        if tuple(value.shape) != shape:
            faults.append(f"{name} has shape {tuple(value.shape)}, not {shape}")
        elif value.dtype not in WEIGHTS or value.layout != torch.strided or value.device.type != "cpu":
            faults.append(f"{name} is {value.layout} {value.dtype} on {value.device}, not plain floating point")
        elif value.untyped_storage().nbytes() < value.numel() * value.element_size():
            faults.append(f"{name} has fewer weights than its shape {shape} needs")
    if not faults:  # only now that their number is checked: reading weights takes memory
        faults = [f"{name} has weights that are not finite" for name in wanted if not _finite(tensors[name])]
    if faults:
        more = f" (and {len(faults) - 3} more faults)" if len(faults) > 3 else ""
        raise CheckpointError(
            f"checkpoint does not fit its configuration: {'; '.join(faults[:3])}{more}", remedy="get a whole one"
        )


def _finite(value: Tensor) -> bool:
    return bool(torch.isfinite(value.float()).all())


def _game_rows(raw: object, tensors: dict[str, Tensor]) -> int:
    tokenizer = raw.get("tokenizer_cfg") if isinstance(raw, dict) else None
    if not isinstance(tokenizer, dict) or tokenizer.get("game_mapping_cfg") is None:
        return 0
    table = tensors.get(GAME_TENSOR)
    return len(table) if table is not None and table.dim() == 2 and len(table) else 1
