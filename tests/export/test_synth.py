"""Checkpoints with random weights, and what is told of them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from export.checkpoint import load_checkpoint
from export.describe import PARTS, describe
from export.model import NitroGen
from export.resolve import resolve
from export.synth import configuration, synth
from ngrt.errors import ExportError

from .conftest import GAMES_AND_CONTEXT, Variant

RELEASED = {
    "vision encoder": 315_956_224,
    "mixer": 50_384_896,
    "denoiser": 121_992_192,
    "action encoder": 3_174_400,
    "action decoder": 1_075_225,
    "action positions": 1_048_576,
}


def test_the_released_size_has_the_released_parameters_part_by_part(tmp_path: Path) -> None:
    with torch.device("meta"):
        tensors = NitroGen(resolve(configuration("released"), 0, tmp_path)).state_dict()
    counts: Counter[str] = Counter()
    for name, value in tensors.items():
        counts[PARTS[name.partition(".")[0]]] += value.numel()
    assert counts == RELEASED
    assert sum(counts.values()) == 493_631_513
    assert len(tensors) == 595


def test_the_released_settings_are_the_released_ones() -> None:
    raw = configuration("released")
    model, tokens = raw["model_cfg"], raw["tokenizer_cfg"]
    assert (model["action_dim"], model["action_horizon"], model["num_inference_timesteps"]) == (25, 18, 16)
    assert (model["add_pos_embed"], model["num_timestep_buckets"]) == (True, 1000)
    assert (tokens["game_mapping_cfg"], tokens["old_layout"], tokens["max_sequence_length"]) == (None, False, 256)
    modality = raw["modality_cfg"]
    assert (modality["frame_per_sample"], modality["action_shift"], modality["frame_spacing"]) == (1, 3, 18)


def test_a_tiny_checkpoint_loads_and_is_what_was_told(tmp_path: Path) -> None:
    told = synth("tiny", 3, tmp_path / "tiny.pt")
    loaded = load_checkpoint(tmp_path / "tiny.pt")
    assert (told.parameters, told.tensors) == (loaded.parameters, loaded.tensors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["siglip-tiny", "tiny.pt"]
    described = describe(tmp_path / "tiny.pt")
    assert sum(described.parts.values()) == told.parameters
    assert described.parts.keys() == RELEASED.keys()
    assert described.facts["parameters"] == f"{told.parameters:,} in {told.tensors} tensors"
    assert described.facts["actions"] == "18 rows of 25"
    assert described.facts["games"] == "no"


def test_its_activations_stay_near_one(tmp_path: Path) -> None:
    synth("tiny", 3, tmp_path / "tiny.pt")
    model = load_checkpoint(tmp_path / "tiny.pt").model
    context = model.encode(torch.randint(0, 256, (1, 1, 256, 256, 3), dtype=torch.uint8))
    velocity = model.velocity(torch.randn(1, 18, 25), torch.tensor([500]), context)
    for value in (context, velocity):
        assert 0.1 < value.std() < 10


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synth("tiny", seed, tmp_path / f"{name}.pt")
    a, b, c = (load_checkpoint(tmp_path / f"{name}.pt").model.state_dict() for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not any(torch.equal(a[name], c[name]) for name in a)


def test_a_file_that_exists_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_text("precious")
    with pytest.raises(ExportError, match=r"mine\.pt exists already; remove it or choose another --out"):
        synth("tiny", 0, tmp_path / "mine.pt")
    assert (tmp_path / "mine.pt").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_tower_of_another_checkpoint_is_kept(tmp_path: Path) -> None:
    tower = tmp_path / "siglip-tiny" / "config.json"
    tower.parent.mkdir()
    tower.write_text("{}")
    with pytest.raises(ExportError, match="siglip-tiny belongs to another checkpoint; choose another folder"):
        synth("tiny", 0, tmp_path / "tiny.pt")
    assert tower.read_text() == "{}"
    assert not (tmp_path / "tiny.pt").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"deeper is not a folder"):
        synth("tiny", 0, tmp_path / "deeper" / "tiny.pt")


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), RuntimeError("unexpected\npos 64")])
def test_a_disk_that_fills_up_leaves_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def full(*_: object) -> None:
        raise fault

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(ExportError, match=r"cannot write .*tiny\.pt") as caught:
        synth("tiny", 0, tmp_path / "tiny.pt")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_games_and_context_are_described(variant_of: Callable[[str], Variant]) -> None:
    facts = describe(variant_of(GAMES_AND_CONTEXT).path).facts
    assert facts["games"] == "celeste, hades"
    assert facts["context"] == "2 frames, 12 tokens"
    assert facts["vision tower"] == "siglip-small: 1 layers, width 16, 32 px, 4 tokens a frame"
