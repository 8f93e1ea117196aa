"""Load a checkpoint without running any code in it, and check every tensor."""

import json
import os
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from export.config import Config
from export.model import NitroGen
from export.resolve import resolve, short
from ngrt.errors import CheckpointError

WEIGHTS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
"""Number formats of stored weights; all are converted to float32."""

FOREIGN = re.compile(r"GLOBAL ([\w.]{1,80})")
"""Finds in torch's message what a refused file would call."""

GAME_TENSOR = "game_embedding.weight"
GAME_FILE_LIMIT = 64 * 2**20
"""Bytes of a file with game names."""

GAME_ROWS_LIMIT = 1_000_000
"""Rows of a file with game names: compressed, a few bytes can hold any number of rows."""


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
    content = read_pickle(path)
    if not isinstance(content, dict) or not {"model", "ckpt_config"} <= content.keys():
        raise CheckpointError(
            f"{path} has no 'model' and 'ckpt_config'", value=path, limit="it must be a checkpoint in NitroGen's format"
        )
    tensors, raw = content["model"], content["ckpt_config"]
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointError(
            f"{path} holds something other than tensors in 'model'", value=path, limit="it must be a state dict"
        )
    config = resolve(raw, _game_rows(raw, tensors), path.parent, context_frames)
    with torch.device("meta"):
        model = NitroGen(config)
    check_tensors(tensors, model)
    model.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
    model.eval().requires_grad_(False)
    games = read_games(config, path.parent)
    return Checkpoint(path, model, _plain(raw), games, sum(value.numel() for value in tensors.values()), len(tensors))


def _plain(raw: object) -> dict[str, Any]:
    """Return a configuration as plain JSON values, for the manifest.

    :raises CheckpointError: JSON cannot hold it
    """
    try:
        text = json.dumps(raw, allow_nan=False, default=str)
        plain: dict[str, Any] = json.loads(text)
        json.dumps(plain, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"ckpt_config holds a value that JSON cannot ({error})", remedy="save it again as plain values"
        ) from error
    return plain


def read_pickle(path: Path) -> object:
    """Return the content of a checkpoint file: tensors and plain containers, nothing that can run code.

    :raises CheckpointError: the file is missing or damaged, or contains anything else
    """
    if not os.path.isfile(path):
        raise CheckpointError(
            f"checkpoint {path} is not a file",
            remedy="check the path, or fetch it: ngrt export nvidia/NitroGen --out DIR",
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        called = FOREIGN.search(str(error))
        found = f"calls for {called[1]}, which could run code" if called else "is damaged, or could run code"
        raise CheckpointError(
            f"checkpoint {path} {found}; nothing was run", remedy="get one that loads with weights_only=True"
        ) from error
    except PermissionError as error:
        raise CheckpointError(
            f"checkpoint {path} cannot be read ({error.strerror})", remedy="allow it, or copy it"
        ) from error
    except Exception as error:  # damage deep in a file can raise anything
        raise CheckpointError(
            f"checkpoint {path} ({path.stat().st_size} bytes) is damaged or not made by torch.save",
            remedy="download it again",
        ) from error


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


def read_games(config: Config, folder: Path) -> dict[str, int]:
    """Return the games' names and their embedding rows, sorted, from 1. Empty if their file is not in ``folder``.

    :raises CheckpointError: the file has no game names, or another number of them than the embedding has rows
    """
    mapping = config.tokenizer.game_mapping_cfg
    if mapping is None:
        return {}
    names: set[str] = set()
    for source in mapping.src_files:
        path = folder / Path(source.replace("\\", "/")).name  # the configuration has training's folders
        if not path.is_file():
            return {}
        if (size := path.stat().st_size) > GAME_FILE_LIMIT:
            raise CheckpointError(
                f"{path} has {size} bytes", value=size, limit=f"the limit for game names is {GAME_FILE_LIMIT}"
            )
        try:
            if (rows := pq.read_metadata(path).num_rows) > GAME_ROWS_LIMIT:
                raise CheckpointError(
                    f"{path} has {rows} rows", value=rows, limit=f"the limit for game names is {GAME_ROWS_LIMIT}"
                )
            column = pq.read_table(path, columns=["game_label"]).column("game_label").to_pylist()
        except (pa.ArrowException, KeyError, OSError) as error:
            raise CheckpointError(
                f"{path} has no readable column game_label", remedy="restore it or remove it"
            ) from error
        names.update(str(name) for name in column if name is not None)
    if names and len(names) + 1 != config.game_rows:
        raise CheckpointError(
            f"{len(names)} game names, but the embedding has {config.game_rows} rows, one of them for no game",
            remedy="put the file of names that belongs to this checkpoint beside it",
        )
    return {name: row for row, name in enumerate(sorted(names), start=1)}


def _game_rows(raw: object, tensors: dict[str, Tensor]) -> int:
    tokenizer = raw.get("tokenizer_cfg") if isinstance(raw, dict) else None
    if not isinstance(tokenizer, dict) or tokenizer.get("game_mapping_cfg") is None:
        return 0
    table = tensors.get(GAME_TENSOR)
    return len(table) if table is not None and table.dim() == 2 and len(table) else 1
