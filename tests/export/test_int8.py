"""Int8 engines and the gate that they must pass."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import export.run
from export.calibration import Calibration
from export.checkpoint import Checkpoint, load_checkpoint
from export.graphs import Observe
from export.products import Arithmetic, Int8Product, Product, rounded
from export.run import Gating, export_checkpoint
from export.worst_layer import Rounding
from ngrt.cli.commands import run
from ngrt.errors import ExportError, SettingsError
from ngrt.inference.open import open_policy
from ngrt.policy.agreement import Agreement, agree
from ngrt.policy.bundle import Precision, read_manifest
from ngrt.policy.preprocess import observation
from tests.conftest import PARITY

TINY = PARITY / "tiny.pt"
FRAMES = Calibration.generated(1).observations[0]
OUTLIER = "vision_encoder.encoder.layers.0.mlp.fc1.bias"


def test_an_int8_engine_passes_the_gate_and_says_how_well(int8_bundle: Path) -> None:
    manifest = read_manifest(int8_bundle)
    assert manifest.precision == "int8"
    assert manifest.parity.actions_limit == 1e-4  # of the fp32 graphs that it is held to
    assert manifest.gate is not None
    assert 0.99 <= manifest.gate.buttons_agree <= 1
    assert 0 < manifest.gate.stick_error <= 0.02
    assert (manifest.gate.chunks, manifest.gate.steps, manifest.gate.frames) == (24, 16, "generated")
    assert manifest.gate.repeat_error < 1e-5
    assert manifest.gate.failure == ""


def test_the_graphs_it_was_held_to_are_not_left_behind(int8_bundle: Path) -> None:
    assert sorted(path.name for path in int8_bundle.iterdir()) == [
        "denoise.onnx", "manifest.json", "observe.onnx", "schedule.onnx",
    ]  # fmt: skip


def test_its_weights_are_a_byte_each(int8_bundle: Path, tiny_bundle: Path) -> None:
    sizes = [(folder / "denoise.onnx").stat().st_size for folder in (int8_bundle, tiny_bundle)]
    assert sizes[0] < 0.4 * sizes[1]


def test_the_engine_computes_what_torch_does_in_steps(int8_bundle: Path) -> None:
    model = load_checkpoint(TINY).model
    with torch.inference_mode():
        wanted = Observe(model, Arithmetic.of("int8"))(torch.from_numpy(observation(FRAMES, 256)))[0].numpy()
        exact = Observe(model, Arithmetic.of("fp32"))(torch.from_numpy(observation(FRAMES, 256)))[0].numpy()
    found = open_policy(int8_bundle, threads=1).observe(FRAMES).context
    # where a value lies on the edge between two steps, the two may round it apart
    assert np.abs(found - wanted).mean() < 0.2 * np.abs(found - exact).mean()


def test_guidance_and_merging_work_in_int8(int8_bundle: Path, tiny_bundle: Path) -> None:
    one, other = (open_policy(folder, threads=1) for folder in (int8_bundle, tiny_bundle))
    noise = one.draw_noise()
    found, wanted = (policy.predict(FRAMES, noise, guidance=1.5).actions for policy in (one, other))
    assert 0 < np.abs(found - wanted).max() < 0.3


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=50))
def test_rounding_moves_nothing_by_more_than_a_step_and_zero_not_at_all(values: list[float]) -> None:
    x = torch.tensor([*values, 0.0])
    step = (x.max().clamp(min=0) - x.min().clamp(max=0)) / 255
    near = rounded(x)
    assert ((near - x).abs() <= step * 1.001 + 1e-30).all()
    assert near[-1] == 0


def test_a_column_of_zeros_stays_zero() -> None:
    product = Int8Product(torch.tensor([[0.0, 1.0], [0.0, -3.0]]), None)
    assert product(torch.tensor([[2.0, 1.0]]))[0, 0] == 0


def spoiled(path: Path, context_frames: int | None = None) -> Checkpoint:
    """Load a checkpoint one of whose hidden units is so large that eight bits leave nothing of the others."""
    loaded = load_checkpoint(path, context_frames)
    with torch.no_grad():
        loaded.model.get_parameter(OUTLIER)[0] = 3000.0
        loaded.model.get_parameter("vision_encoder.encoder.layers.0.mlp.fc2.weight")[:, 0] *= 1e-4
    return loaded


@pytest.fixture
def spoiled_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export.run, "load_checkpoint", spoiled)
    monkeypatch.setattr("export.gate.STICK_LIMIT", 0.012)  # random weights forgive a lot: 0.0112 without the outlier
    monkeypatch.setattr("ngrt.policy.agreement.STICK_LIMIT", 0.012)


@pytest.mark.usefixtures("spoiled_weights")
def test_an_engine_that_fails_names_graph_and_layer_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        export_checkpoint(str(TINY), tmp_path / "bundle", precision="int8")
    message = str(caught.value)
    assert "the int8 engine is too far from the fp32 graphs" in message
    assert "worst is observe" in message
    assert "layer tower.0.ff.outer (rounding moves its output by" in message
    assert "try --precision fp32, or --force" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("spoiled_weights")
def test_force_writes_it_and_info_says_that_it_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bundle"
    assert run(["export", str(TINY), "--precision", "int8", "--force", "--out", str(out)]) == 0
    assert "by force: this engine is too far from the fp32 graphs" in capsys.readouterr().err
    gate = read_manifest(out).gate
    assert gate is not None
    assert gate.stick_error > 0.012
    assert "tower.0.ff.outer" in gate.failure
    assert run(["info", str(out)]) == 0
    assert "FAILED, written by force" in capsys.readouterr().out
    assert np.isfinite(open_policy(out, threads=1).predict(FRAMES).actions).all()


def test_the_layer_that_is_blamed_is_the_one_that_rounds_worst() -> None:
    errors = Rounding(
        spoiled(TINY).model, lambda _g, _n, product: Int8Product(product.weight, product.bias), FRAMES
    ).errors("observe")
    worst = max(errors, key=lambda name: errors[name])
    assert worst == "tower.0.ff.outer"
    assert errors[worst] > 5 * np.median(list(errors.values()))
    assert any(name.startswith("mixer") for name in errors)
    assert not any(name in errors for name in ("enter", "layer2"))


def test_products_of_actions_are_never_quantized() -> None:
    how = Arithmetic.of("int8")
    assert isinstance(how.narrow(torch.ones(3, 3), None), Product)
    assert isinstance(how.large(torch.ones(3, 3), None), Int8Product)


def test_agreement_counts_what_the_pad_would_do() -> None:
    wanted = np.full((18, 25), 0.2, np.float32)
    found = wanted.copy()
    found[0, 0] = 0.9  # one button of 18 * 21
    found[:, -4] += 0.01  # one axis of four, twice as far as the raw value
    near = agree([wanted], [found], 0, old_layout=False)
    assert near.buttons == pytest.approx(1 - 1 / (18 * 21))
    assert near.sticks == pytest.approx(0.02 / 4, rel=1e-4)
    assert near.passes


def test_a_button_within_what_two_runs_differ_by_is_no_disagreement() -> None:
    wanted = np.full((18, 25), 0.5 + 1e-6, np.float32)
    assert agree([wanted], [wanted - 2e-6], 1e-5, old_layout=False).buttons == 1
    assert agree([wanted], [wanted - 2e-6], 0, old_layout=False).buttons == 0


def test_actions_that_are_no_numbers_do_not_pass() -> None:
    wanted = np.full((18, 25), 0.2, np.float32)
    assert not agree([wanted], [np.full_like(wanted, np.nan)], 0, old_layout=False).passes


def test_the_old_layout_has_its_sticks_first() -> None:
    wanted = np.full((4, 21), 0.2, np.float32)
    found = wanted.copy()
    found[:, :4] = 0.9
    near = agree([wanted], [found], 0, old_layout=True)
    assert near.buttons == 1
    assert near.sticks == pytest.approx(1.4, rel=1e-4)


def test_an_engine_whose_actions_are_no_numbers_is_not_even_written_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.gate.agree", lambda *_, **__: Agreement(0.0, float("nan")))
    with pytest.raises(ExportError, match="actions are not all numbers; nothing was written; try --precision fp32"):
        export_checkpoint(str(TINY), tmp_path / "bundle", precision="int8", gating=Gating(force=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("gating", "precision", "message"),
    [
        (Gating(force=True), "fp32", "--frames and --force are for lossy engines, and fp32 is not one"),
        (Gating((Path("clip.mp4"),)), "fp16", "leave them out, or choose --precision int8 or fp8"),
        (Gating((Path("gone.mp4"),)), "int8", r"--frames gone\.mp4 is not a file"),
    ],
)
def test_what_the_gate_cannot_use_is_refused_before_any_work(
    tmp_path: Path, gating: Gating, precision: Precision, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        export_checkpoint("no-such-checkpoint.pt", tmp_path / "bundle", precision=precision, gating=gating)
