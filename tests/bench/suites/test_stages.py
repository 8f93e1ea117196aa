"""Stages, sweep and scale: every call is counted, and what is put side by side is alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.suites.scale import STEPS as SCALED
from bench.suites.scale import measure as scale
from bench.suites.scale_policies import VARIED
from bench.suites.stages import measure as stages
from bench.suites.sweep import Accuracy
from bench.suites.sweep import measure as sweep
from ngrt.errors import CheckpointError
from ngrt.messages import Chunk
from ngrt.policy.actions import decode
from tests.conftest import PARITY

BundleOf = Callable[[str], Path]


def test_the_stages_of_a_chunk_add_up_to_it(tiny_bundle: Path) -> None:
    (found,) = stages([tiny_bundle], 2, samples=4, steps=3).engines
    parts = (found.preprocess, found.observe, found.denoise, found.decode)
    assert np.sum([part.samples for part in parts], 0) == pytest.approx(found.total.samples)
    assert [len(step.samples) for step in found.steps] == [4, 4, 4]
    assert np.all(np.sum([step.samples for step in found.steps], 0) <= found.denoise.samples)


def test_each_step_is_told_apart_not_averaged(tiny_bundle: Path) -> None:
    text = dict(stages([tiny_bundle], 2, samples=2, steps=3).facts())
    assert {"    first step", "  decode", "  hardware's limit"} <= set(text)
    assert any(name.startswith("    slowest, no. ") for name in text)


def test_more_steps_come_nearer_to_the_reference_which_is_itself_at_its_own(tiny_bundle: Path) -> None:
    result = sweep([tiny_bundle], None, 2, samples=1, steps=(1, 4, 16))
    one, four, all_ = result.cells
    assert result.reference_steps == 16
    assert one.mean > four.mean > 0
    assert (all_.largest, all_.mean, all_.stick_error, all_.buttons_agree) == (0, 0, 0, 1)


def test_engines_of_one_checkpoint_are_swept_in_turn_and_listed_one_after_the_other(tiny_bundle: Path) -> None:
    result = sweep([tiny_bundle, tiny_bundle], None, 2, samples=2, steps=(1, 2))
    assert [cell.steps for cell in result.cells] == [1, 2, 1, 2]
    assert all(len(cell.seconds.samples) == 2 for cell in result.cells)
    assert result.cells[0].largest == result.cells[2].largest > 0


def test_engines_of_different_checkpoints_are_not_swept_together(bundle_of: BundleOf) -> None:
    with pytest.raises(CheckpointError, match="sweep engines of one checkpoint"):
        sweep([bundle_of("tiny"), bundle_of("tiny-games")], None, 1)


def test_an_engine_that_is_not_fp32_needs_something_exact_beside_it(bundle_of: BundleOf, tmp_path: Path) -> None:
    from export.run import export_checkpoint

    checkpoint = PARITY / "tiny.pt"
    export_checkpoint(str(checkpoint), tmp_path / "half", precision="fp16")
    with pytest.raises(CheckpointError, match="no engine given is fp32"):
        sweep([tmp_path / "half"], None, 1)
    alone = sweep([tmp_path / "half"], checkpoint, 1, samples=1, steps=(16,))
    assert alone.reference == "the checkpoint in torch, fp32"
    assert 0 < alone.cells[0].largest < 0.1
    beside = sweep([tmp_path / "half", bundle_of("tiny")], None, 1, samples=1, steps=(16,))
    assert beside.reference == "bundle, fp32, cpu"
    assert beside.cells[0].largest == pytest.approx(alone.cells[0].largest, rel=0.01)


def chunk(buttons: float, sticks: float) -> Chunk:
    actions = np.full((2, 25), buttons, np.float32)
    actions[:, 21:] = sticks
    return decode(actions, old_layout=False)


def test_accuracy_is_of_actions_of_sticks_and_of_buttons() -> None:
    found = Accuracy.between([chunk(0.4, 0.6), chunk(0.6, 0.5)], [chunk(0.4, 0.5), chunk(0.4, 0.5)])
    assert found.largest == pytest.approx(0.2)
    assert found.mean == pytest.approx((0.1 * 4 / 25 + 0.2 * 21 / 25) / 2)
    assert found.stick_error == pytest.approx(0.1)  # a stick moves twice as far as its action, in one chunk of two
    assert found.buttons_agree == 0.5


def test_steps_and_threads_are_varied_on_the_engine_and_frames_where_it_takes_several(bundle_of: BundleOf) -> None:
    result = scale([bundle_of("tiny-context-cfg")], 2, samples=1, exporting=False)
    (found,) = result.engines
    varied = {what: [point.value for point in found.points if point.varied == what] for what in
              ("steps", "threads", "context_frames")}  # fmt: skip
    assert varied["steps"] == list(SCALED)
    assert varied["threads"][0] == 1
    assert varied["context_frames"] == [1, 2]
    assert set(result.not_run) == {"horizon", "context tokens"}


def test_what_is_not_varied_is_listed_with_the_reason(tiny_bundle: Path) -> None:
    result = scale([tiny_bundle], 2, samples=1, exporting=False)
    assert result.not_run["context frames"] == "one is all that is seen; export an engine with --context-frames"
    assert "ngrt bench scale" in dict(result.facts())["horizon not varied"]


@pytest.mark.slow
def test_what_a_bundle_fixes_is_varied_on_small_policies_made_for_it(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIED, "horizon", (20,))
    monkeypatch.setitem(VARIED, "context_tokens", (80,))
    *_, small = scale([tiny_bundle], 2, samples=1).engines
    assert small.synthetic
    assert [(point.varied, point.horizon, point.context_tokens) for point in small.points] == [
        ("horizon", 20, 64),
        ("context_tokens", 18, 80),
    ]
