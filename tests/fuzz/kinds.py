"""What is fuzzed: for each kind of file good ones to begin with, and what reads it."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from bench.schema.reader import read_results
from bench.verdicts.budgets import LIMITS, read_budgets
from export.checkpoint import load_checkpoint
from export.game_table import names_in
from export.games import ROWS_LIMIT, TEXT_LIMIT
from ngrt.cli import commands
from ngrt.cli.app import _settings_file
from ngrt.errors import SettingsError
from ngrt.pads.keyboard_mapping import DEFAULT, load_mapping
from ngrt.policy.bundle import read_manifest
from ngrt.policy.shipped import arcade_engine
from tests.bench.resulting import content as result
from tests.fuzz.mutate import Mutation, mutated

PARITY = Path(__file__).parents[1] / "data" / "parity"
SETTINGS = b'[play]\nprocess = "game.exe"\nrate = 30.5\ntakeover = ["pad", "F1"]\nseed = 3\n\n[bench]\nsteps = 4\n'


@dataclass(frozen=True)
class Kind:
    """One kind of file: its name on disk, good contents, and what reads the file; ``change`` damages a content."""

    name: str
    file: str
    seeds: Callable[[], Sequence[bytes]]
    read: Callable[[Path], object]
    change: Mutation = mutated
    weight: int = 1


@cache
def _checkpoint() -> bytes:
    return (PARITY / "tiny.pt").read_bytes()


def _repacked(content: bytes, rng: random.Random) -> bytes:
    """Damage the pickle alone, in an archive that is whole; or the archive's directory at its end; or anything."""
    way = rng.random()
    if way < 0.2:
        return mutated(content, rng)
    if way < 0.4:
        return content[:-12_000] + mutated(content[-12_000:], rng)
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
            for entry in source.infolist():
                inside = source.read(entry)
                changed = mutated(inside, rng) if entry.filename.endswith("data.pkl") else inside
                target.writestr(entry.filename, changed)
        return buffer.getvalue()


def _tables() -> Sequence[bytes]:
    found = [(PARITY / "tiny-games-games.parquet").read_bytes()]
    codecs: tuple[tuple[Literal["zstd", "gzip", "none"], bool], ...] = (("zstd", True), ("gzip", False), ("none", True))
    for codec, words in codecs:
        with io.BytesIO() as buffer:
            table = pa.table({"game_label": ["celeste", "hades", None] * 10})
            pq.write_table(table, buffer, compression=codec, use_dictionary=words)
            found.append(buffer.getvalue())
    return found


def _settings(path: Path) -> None:
    assert "play" in commands.__all__  # imported, so that settings may have their tables
    _settings_file(path, ())


def _games(path: Path) -> None:
    answer = names_in(str(path), ROWS_LIMIT, TEXT_LIMIT)
    if "names" not in answer:
        raise SettingsError(str(answer))


def _manifest(content: bytes, rng: random.Random) -> bytes:
    """Change one value for another kind of value, or damage the text."""
    if rng.random() < 0.5:
        return mutated(content, rng)
    tree = json.loads(content)
    inner = tree
    while isinstance(inner, dict) and inner:
        key = rng.choice(list(inner))
        if not isinstance(inner[key], dict) or rng.random() < 0.3:
            inner[key] = rng.choice((None, -1, 2**70, 1e308, "\x1b[2J", "x" * 10**5, [[]] * 1000, {}, {"a" * 9999: 1}))
            break
        inner = inner[key]
    return json.dumps(tree).encode()


def _manifests() -> Sequence[bytes]:
    return [(arcade_engine() / "manifest.json").read_bytes()]


def _header(content: bytes, rng: random.Random) -> bytes:
    """Write the length of a header that comes first anew: what begins like safetensors."""
    return struct.pack("<Q", rng.choice((0, 1, len(content), 2**40))) + mutated(content, rng)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("settings", "ngrt.toml", lambda: [SETTINGS], _settings, weight=2),
        Kind("keys", "keys.toml", lambda: [DEFAULT.read_bytes()], load_mapping),
        Kind("budgets", "limits.toml", lambda: [LIMITS.read_bytes()], read_budgets),
        Kind("manifests", "manifest.json", _manifests, lambda path: read_manifest(path.parent), _manifest, 2),
        Kind("results", "result.json", lambda: [json.dumps(result()).encode()], read_results, _manifest, 2),
        Kind("checkpoints", "fuzzed.pt", lambda: [_checkpoint()], load_checkpoint, _repacked, 4),
        Kind("headers", "header.pt", lambda: [b'{"w": {"dtype": "F32", "shape": [4]}}'], load_checkpoint, _header),
        Kind("games", "games.parquet", _tables, _games, weight=2),
    )
}
