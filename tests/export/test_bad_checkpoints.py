"""Checkpoints whose tensors or configuration cannot be exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import export.games
from export.checkpoint import load_checkpoint
from export.resolve import find_tower
from ngrt.errors import CheckpointError

from .making import Changes, save, small_config, small_weights, write_small, write_tower
from .refusal import refused

NAME = "model.transformer_blocks.0.attn1.to_q.weight"
Weights = dict[str, Any]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "bundle"


def without(weights: Weights) -> None:
    del weights[NAME]


def with_more(weights: Weights) -> None:
    weights["model.more.weight"] = torch.zeros(2)


def with_a_strange_name(weights: Weights) -> None:
    weights["line\nbreak\x1b[31m" + "x" * 500] = torch.zeros(2)


def misshapen(weights: Weights) -> None:
    weights[NAME] = weights[NAME][:, :-1]


def integers(weights: Weights) -> None:
    weights[NAME] = weights[NAME].to(torch.int32)


def sparse(weights: Weights) -> None:
    weights[NAME] = weights[NAME].to_sparse()


def elsewhere(weights: Weights) -> None:
    weights[NAME] = weights[NAME].to("meta")


def one_nan(weights: Weights) -> None:
    weights[NAME][3, 4] = float("nan")


def one_infinity(weights: Weights) -> None:
    weights[NAME][0, 0] = float("-inf")


def too_large_for_single_precision(weights: Weights) -> None:
    weights[NAME] = weights[NAME].double() + 1e300


def one_number_for_all(weights: Weights) -> None:
    weights[NAME] = torch.zeros(1, 1).expand(24, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (one_number_for_all, rf"{NAME} has fewer weights than its shape \(24, 24\) needs"),
        (without, rf"{NAME} is missing; get a whole one"),
        (with_more, r"'model\.more\.weight' is not a tensor of this model"),
        (with_a_strange_name, r"'line\\nbreak\\x1b\[31mx+\.\.\. is not a tensor"),
        (misshapen, rf"{NAME} has shape \(24, 23\), not \(24, 24\)"),
        (integers, rf"{NAME} is torch\.strided torch\.int32 on cpu, not plain floating point"),
        (sparse, rf"{NAME} is torch\.sparse_coo torch\.float32 on cpu"),
        (elsewhere, rf"{NAME} is torch\.strided torch\.float32 on meta"),
        (one_nan, rf"{NAME} has weights that are not finite"),
        (one_infinity, rf"{NAME} has weights that are not finite"),
        (too_large_for_single_precision, rf"{NAME} has weights that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, out: Path, change: Callable[[Weights], None], message: str
) -> None:
    write_tower(tmp_path)
    raw = small_config()
    weights = small_weights(raw, tmp_path)
    change(weights)
    refused(CheckpointError, message, save(tmp_path / "bad.pt", raw, weights), out)


def test_many_faults_are_counted_not_listed(tmp_path: Path, out: Path) -> None:
    write_tower(tmp_path)
    path = save(tmp_path / "bad.pt", small_config(), {})
    text = refused(CheckpointError, r"is missing \(and \d+ more faults\); get a whole one", path, out)
    assert text.count("is missing") == 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precision_are_taken_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    write_tower(tmp_path)
    raw = small_config()
    weights = {name: value.to(dtype) for name, value in small_weights(raw, tmp_path).items()}
    loaded = load_checkpoint(save(tmp_path / "small.pt", raw, weights)).model.state_dict()
    assert {value.dtype for value in loaded.values()} == {torch.float32}
    assert torch.equal(loaded[NAME], weights[NAME].float())


def dit(**changes: Any) -> Changes:
    return {"model_cfg": {"diffusion_model_cfg": changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dit(activation_fn="geglu"), r"diffusion_model_cfg\.activation_fn is 'geglu'.*not exportable"),
        (dit(norm_type="layer_norm"), r"diffusion_model_cfg\.norm_type is 'layer_norm'"),
        (dit(positional_embeddings="rope"), r"positional_embeddings is 'rope'"),
        (dit(num_layers=0), r"num_layers is 0"),
        (dit(num_layers=10**9), r"num_layers is 1000000000"),
        (dit(norm_eps=float("nan")), r"norm_eps is nan"),
        (dit(cross_attention_dim=8), r"cross_attention_dim is 8, vision_hidden_size is 16"),
        (dit(attention_head_dim=7), r"denoiser heads x head width is 14, hidden_size is 24"),
        ({"model_cfg": {"vl_self_attention_cfg": {"activation_fn": "relu"}}}, r"vl_self_attention_cfg\.activation_fn"),
        ({"model_cfg": {"add_view_embed": True}}, r"add_view_embed is True"),
        ({"model_cfg": {"action_dim": 13}}, r"action_dim is 13; known column layouts have 21 or 25"),
        ({"model_cfg": {"action_horizon": 33}}, r"action_horizon is 33; max_seq_len allows 32"),
        ({"model_cfg": {"num_inference_timesteps": "many"}}, r"num_inference_timesteps is 'many'"),
        ({"model_cfg": {"diffusion_model_cfg": None}}, r"diffusion_model_cfg is None"),
        (dit(positional_embeddings="sinusoidal", max_num_positional_embeddings=4), r"action_horizon is 5; .* allows 4"),
        ({"tokenizer_cfg": {"num_visual_tokens_per_frame": 5}}, r"visual tokens a frame is 5, the tower's is 4"),
        ({"tokenizer_cfg": {"max_sequence_length": 3}}, r"one frame makes 4 tokens; max_sequence_length is 3"),
        ({"modality_cfg": {"frame_per_sample": 2}}, r"2 frames make 8 tokens; max_sequence_length is 4; .* 1 or fewer"),
        ({"modality_cfg": {"frame_per_sample": 65}}, r"frame_per_sample is 65"),
        ({"modality_cfg": {"frame_spacing": 10**6}}, r"frame_spacing is 1000000"),
        (
            {
                "model_cfg": {
                    "vl_self_attention_cfg": {"positional_embeddings": "sinusoidal", "max_num_positional_embeddings": 3}
                }
            },
            r"max_sequence_length is 4; the mixer's positions end at 3",
        ),
    ],
)
def test_configurations_that_cannot_be_exported_are_refused(
    tmp_path: Path, out: Path, changes: Changes, message: str
) -> None:
    write_tower(tmp_path)
    refused(CheckpointError, message, save(tmp_path / "bad.pt", small_config(changes), {}), out)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            3,
            r"3 frames make 12 tokens; max_sequence_length is 9; use "
            r"--context-frames 2 or fewer",
        ),
        (0, r"--context-frames is 0; it must be from 1 to 64"),
        (-1, r"--context-frames is -1"),
        (65, r"--context-frames is 65"),
    ],
)
def test_more_frames_than_the_sequence_holds_are_refused(tmp_path: Path, out: Path, frames: int, message: str) -> None:
    path = write_small(tmp_path, {"tokenizer_cfg": {"max_sequence_length": 9}})
    refused(CheckpointError, message, path, out, context_frames=frames)


def test_a_configuration_that_json_cannot_hold_is_refused(tmp_path: Path, out: Path) -> None:
    write_tower(tmp_path)
    raw = small_config({"note": float("nan")})
    path = save(tmp_path / "bad.pt", raw, small_weights(raw, tmp_path))
    refused(CheckpointError, "ckpt_config holds a value that JSON cannot", path, out)


def test_values_that_are_not_jsons_own_are_kept_as_text(tmp_path: Path) -> None:
    write_tower(tmp_path)
    raw = small_config({"note": torch.float32, "pair": (1, 2)})
    found = load_checkpoint(save(tmp_path / "odd.pt", raw, small_weights(raw, tmp_path))).raw_config
    assert (found["note"], found["pair"]) == ("torch.float32", [1, 2])


@pytest.mark.parametrize(
    "name",
    ["siglip-unknown", "../siglip-small", "..", ".", "", "/etc", "a/../siglip-small", "siglip-small/", "x" * 5000,
     "a\0b", "google/siglip2-giant-patch16-256", "google/siglip2-large-patch16-256\n"],
)  # fmt: skip
def test_towers_that_are_not_known_are_refused(tmp_path: Path, out: Path, name: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    write_tower(tmp_path)
    write_tower(folder)
    (tmp_path / "config.json").write_text((tmp_path / "siglip-small" / "config.json").read_text())
    (folder / "config.json").write_text((tmp_path / "siglip-small" / "config.json").read_text())
    path = save(folder / "bad.pt", small_config({"model_cfg": {"vision_encoder_name": name}}), {})
    refused(CheckpointError, "vision tower .* is not known", path, out)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "config.json is not JSON"),
        (b"\xff\xfe", "config.json is not JSON"),
        (b"[" * 100_000, "config.json is not JSON"),
        (b" " * 2**21, "has 2097152 bytes; the limit is 1048576"),
        (b"[]", r"Tower is \[\]"),
        (b"{}", "hidden_size is {}"),
        (b'{"hidden_size": 16.5}', r"hidden_size is 16\.5"),
    ],
)
def test_a_towers_damaged_configuration_is_refused(tmp_path: Path, out: Path, content: bytes, message: str) -> None:
    write_tower(tmp_path)
    (tmp_path / "siglip-small" / "config.json").write_bytes(content)
    refused(CheckpointError, message, save(tmp_path / "bad.pt", small_config(), {}), out)


@pytest.mark.parametrize(
    ("tower", "message"),
    [
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"num_channels": 1}, "num_channels is 1"),
        ({"image_size": 8}, "image_size is 8"),
        ({"num_attention_heads": 3}, "tower width 16 does not divide by 3 heads"),
        ({"hidden_size": 18}, "tower width is 18, vision_hidden_size is 16"),
    ],
)
def test_towers_that_compute_something_else_are_refused(
    tmp_path: Path, out: Path, tower: Changes, message: str
) -> None:
    write_tower(tmp_path, tower)
    refused(CheckpointError, message, save(tmp_path / "bad.pt", small_config(), {}), out)


def test_towers_of_the_hub_are_known_by_name(tmp_path: Path) -> None:
    large, so400m = (
        find_tower(f"google/{name}", tmp_path) for name in ("siglip2-large-patch16-256", "siglip-so400m-patch14-384")
    )
    assert (large.hidden_size, large.num_hidden_layers, large.tokens) == (1024, 24, 256)
    assert (so400m.hidden_size, so400m.intermediate_size, so400m.tokens) == (1152, 4304, 729)
    assert so400m.hidden_size / so400m.num_attention_heads == 72


@pytest.mark.parametrize("names", [["celeste"], ["celeste", "hades", "isaac"]])
def test_the_wrong_number_of_game_names_is_refused(tmp_path: Path, out: Path, names: list[str]) -> None:
    path = write_small(tmp_path, {"tokenizer_cfg": {"max_sequence_length": 5}}, games=("celeste", "hades"))
    pq.write_table(pa.table({"game_label": names}), tmp_path / "games.parquet")
    refused(CheckpointError, rf"{len(names)} game names, but the embedding has 3 rows", path, out)


def test_game_names_that_cannot_be_read_are_refused(tmp_path: Path, out: Path) -> None:
    path = write_small(tmp_path, {"tokenizer_cfg": {"max_sequence_length": 5}}, games=("celeste",))
    (tmp_path / "games.parquet").write_bytes(b"PAR1")
    refused(CheckpointError, r"games\.parquet has no readable column game_label", path, out)
    pq.write_table(pa.table({"label": ["celeste"]}), tmp_path / "games.parquet")
    refused(CheckpointError, r"games\.parquet has no readable column game_label", path, out)


def test_more_rows_of_game_names_than_anyone_needs_are_refused_unread(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export.games, "ROWS_LIMIT", 3)
    path = write_small(tmp_path, {"tokenizer_cfg": {"max_sequence_length": 5}}, games=("celeste",))
    pq.write_table(pa.table({"game_label": ["celeste"] * 4}), tmp_path / "games.parquet")
    refused(CheckpointError, r"games\.parquet has 4 rows; the limit for game names is 3", path, out)


def test_without_its_file_of_names_a_policy_knows_no_games(tmp_path: Path) -> None:
    path = write_small(tmp_path, {"tokenizer_cfg": {"max_sequence_length": 5}}, games=("celeste",))
    (tmp_path / "games.parquet").unlink()
    checkpoint = load_checkpoint(path)
    assert checkpoint.games == {}
    assert checkpoint.config.game_rows == 2
