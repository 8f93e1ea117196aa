"""Checkpoints that would take for ever or all memory: refused before torch sees them, in one line."""

import pickle
import re
import struct
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import export.games
from export.archive import MOST_STEPS, check_archive
from export.checkpoint import load_checkpoint
from ngrt.errors import CheckpointError

from .making import save, small_config, small_weights, write_small, write_tower

SECONDS, MEGABYTES = 20.0, 200
START = pickle.PROTO + b"\x02"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def called(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def checkpoint(config: bytes, model: bytes = b"}") -> bytes:
    """Return a pickle of a checkpoint; both parts are pickles of their own, without beginning and end."""
    return START + b"}" + text("model") + model + b"s" + text("ckpt_config") + config + b"s."


def packed(path: Path, pickled: bytes, method: int = zipfile.ZIP_STORED, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in {"version": b"3\n", "byteorder": b"little", **more}.items():
            archive.writestr(f"archive/{name}", content)
    return path


def refusal(path: Path) -> str:
    """Return what is said of a checkpoint, which takes little time and memory to say."""
    began = time.process_time()
    tracemalloc.start()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEGABYTES * 2**20
    assert time.process_time() - began < SECONDS
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 800 + 2 * len(str(path))
    return said


def colliding(count: int) -> bytes:
    """Return a pickle of tuples of tuples of -1 and -2, all different, all with one hash, as keys of a mapping."""
    made = [b"h\x00", b"h\x01"]
    steps = [b"J\xff\xff\xff\xff", b"q\x00", b"0", b"J\xfe\xff\xff\xff", b"q\x01", b"0"]
    for number in range(2, 2 + count):
        steps += [
            made[number % len(made)],
            made[number // 2 % len(made)],
            b"\x86",
            b"r" + struct.pack("<I", number),
            b"0",
        ]
        made.append(b"j" + struct.pack("<I", number))
    return b"".join([*steps, b"}(", *(step + b"N" for step in made[2:]), b"u"])


CONFIGS = {
    "deep": (b"]" * 100_000 + b"a" * 99_999, "too deep or too large"),
    "many": (b"}" + text("a") + b"](" + b"N" * 150_000 + b"es", "too deep or too large"),
    "steps": (b"](" + b"N" * (MOST_STEPS + 1) + b"e", f"takes more than {MOST_STEPS} steps"),
    "bytes from nothing": (called("builtins", "bytearray") + b"J\0\0\0\x7f\x85R", "calls for builtins.bytearray"),
    "a tensor from nothing": (called("torch", "Tensor") + b"(J\0\0\0\x7fJ\0\0\0\x7ftR", r"calls for torch.Tensor"),
    "a set": (called("builtins", "set") + b"](NNe\x85R", "calls for builtins.set"),
    "another protocol": (text("os") + text("system") + b"\x93", "another protocol"),
    "keys that hash alike": (colliding(2000), "keys that are neither text nor numbers"),
    "keys of a mapping made from a list": (
        called("collections", "OrderedDict") + b"](" + b"](NNe" + b"e\x85R", "makes a mapping in an unusual way"
    ),
    "more taken than there is": (b"\x87", "pickle is damaged"),
    "no mark": (b"u", "pickle is damaged"),
    "what was not kept": (b"h\x07", "pickle is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_a_pickle_that_would_take_for_ever_is_refused(name: str, tmp_path: Path) -> None:
    config, said = CONFIGS[name]
    path = packed(tmp_path / "bomb.pt", checkpoint(config))
    assert said in refusal(path)


def test_a_configuration_whose_values_stand_in_each_other_is_refused_without_being_said(tmp_path: Path) -> None:
    raw = small_config()
    value: Any = ["lol" * 5] * 10
    for _ in range(9):
        value = [value] * 10
    raw["model_cfg"]["action_dim"] = value
    assert "too deep or too large" in refusal(save(tmp_path / "laughs.pt", raw, {}))


def test_a_long_value_of_a_configuration_is_said_in_short(tmp_path: Path) -> None:
    raw = small_config({"model_cfg": {"action_dim": "x" * 10**6}})
    write_tower(tmp_path)
    assert "action_dim is 'xxxx" in refusal(save(tmp_path / "long.pt", raw, {}))
    raw = small_config({"model_cfg": {"action_dim": 10**60}})
    assert "action_dim is an integer of 200 bits" in refusal(save(tmp_path / "long.pt", raw, {}))


def test_mappings_whose_methods_are_hidden_are_read_all_the_same(tmp_path: Path) -> None:
    hidden = b"".join(b"".join([b"}", text(name), b"K\x01s", b"b"]) for name in ("keys", "items", "get", "values"))
    mapping = called("collections", "OrderedDict") + b")R"
    pickled = START + mapping + text("model") + mapping + hidden + b"s" + text("ckpt_config") + mapping + hidden + b"s"
    assert "ModelConfig is None" in refusal(packed(tmp_path / "hidden.pt", pickled + hidden + b"."))


def test_a_tensor_in_a_configuration_is_refused(tmp_path: Path) -> None:
    assert "holds a tensor" in refusal(save(tmp_path / "odd.pt", {"note": torch.zeros(1).expand(10**9)}, {}))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_archive_is_refused_unread(method: int, tmp_path: Path) -> None:
    bomb = checkpoint(b"}" + text("n") + text("a" * 2**24) + b"s")
    assert "it is compressed or encrypted" in refusal(packed(tmp_path / "bomb.pt", bomb, method))


def test_a_pickle_larger_than_any_is_refused_unread(tmp_path: Path) -> None:
    large = checkpoint(b"}" + text("n") + text("a" * 2**24) + b"s")
    assert "and the limit is 16777216" in refusal(packed(tmp_path / "large.pt", large))


def changed(path: Path, at: int, form: str, *values: int) -> Path:
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, len(content) + at, *values)
    path.write_bytes(content)
    return path


def test_an_archive_that_readers_would_read_each_in_their_own_way_is_refused(tmp_path: Path) -> None:
    plain = checkpoint(b"}")
    whole = packed(tmp_path / "whole.pt", plain)
    check_archive(whole)
    directory = struct.unpack_from("<I", whole.read_bytes(), whole.stat().st_size - 6)[0]
    for name, said in (
        ("twice", "two files of one name"),
        ("case", "two files of one name"),
        ("before", "not at the end"),
        ("after", "its end is missing"),
        ("directory", "not at the end"),
        ("larger", "larger than itself"),
        ("huge", "its directory has 4294967280 bytes"),
    ):
        path = tmp_path / f"{name}.pt"
        more = {"twice": {"x/data.pkl": plain}, "case": {"VERSION": b"3"}}.get(name, {})
        packed(path, plain, zipfile.ZIP_STORED, **more)
        if name in {"before", "after"}:
            path.write_bytes(b"PK\3\4" * (name == "before") + path.read_bytes() + b"x" * (name == "after"))
        elif name == "directory":
            changed(path, -6, "<I", directory - 1)
        elif name == "larger":
            changed(path, directory - path.stat().st_size + 20, "<2I", 10**6, 10**6)
        elif name == "huge":
            changed(path, -10, "<I", 2**32 - 16)
        assert said in refusal(path), name


def test_steps_are_followed_as_torch_writes_them(tmp_path: Path) -> None:
    write_tower(tmp_path)
    raw = small_config({"note": [torch.float16, {"a": (1, 2.5, None, True)}, 2**70, torch.device("cpu")]})
    weights: dict[str, Any] = small_weights(raw, tmp_path)
    weights = {name: torch.nn.Parameter(value) for name, value in weights.items()}
    note = load_checkpoint(save(tmp_path / "good.pt", raw, weights)).raw_config["note"]
    assert note == ["torch.float16", {"a": [1, 2.5, None, True]}, 2**70, "cpu"]


def games(folder: Path, table: pa.Table, **options: Any) -> Path:
    path = write_small(folder, {"tokenizer_cfg": {"max_sequence_length": 5}}, games=("celeste",))
    pq.write_table(table, folder / "games.parquet", store_schema=False, **options)
    return path


def test_one_long_word_in_every_row_of_a_table_of_games_is_refused(tmp_path: Path) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["A" * (5 << 20)]))
    path = games(tmp_path, pa.table({"game_label": words}), compression="zstd")
    assert (tmp_path / "games.parquet").stat().st_size < 1000
    assert "bytes of names; the limit for game names is 4194304" in refusal(path)


def test_names_that_grow_from_each_other_are_refused(tmp_path: Path) -> None:
    names = pa.array(["A" * (number << 12) for number in range(1000)])
    path = games(
        tmp_path,
        pa.table({"game_label": names}),
        compression="zstd",
        use_dictionary=False,
        column_encoding={"game_label": "DELTA_BYTE_ARRAY"},
    )
    assert re.search("game names|too much memory or time", refusal(path))


@pytest.mark.parametrize("limit", ["MEMORY_LIMIT", "SECONDS_LIMIT"])
def test_a_table_of_games_that_takes_too_much_is_given_up(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export.games, limit, 0)
    path = games(tmp_path, pa.table({"game_label": ["celeste"]}))
    assert "takes too much memory or time to read" in refusal(path)


def test_reading_a_table_of_games_may_end_however_it_will(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "crash.py"
    script.write_text("import os, signal\nprint('{'); os.abort()\n")
    monkeypatch.setattr(export.games, "READER", [sys.executable, str(script)])
    path = games(tmp_path, pa.table({"game_label": ["celeste"]}))
    assert "has no readable column game_label" in refusal(path)


def test_the_reader_of_tables_runs_nothing_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyarrow.py").write_text("open('ran', 'w')\n")
    path = games(tmp_path, pa.table({"game_label": ["celeste", "celeste"]}))
    assert load_checkpoint(path).games == {"celeste": 1}
    assert not (tmp_path / "ran").exists()
