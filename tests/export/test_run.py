"""The export as a whole: nothing is at --out until all of it is right."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import export.build
import export.run
import export.to_onnx
import export.verify
from export.checkpoint import Checkpoint, load_checkpoint
from export.run import export_checkpoint
from export.to_onnx import write_graph
from ngrt.errors import ExportError
from ngrt.policy.bundle import Manifest, read_manifest, sha256_of

from .conftest import Variant
from .refusal import refused

Copy = Callable[[str, Path], None]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "bundle"


def test_a_bundle_says_what_it_was_made_of_and_how_near_it_is(small: Variant) -> None:
    manifest = read_manifest(small.bundle)
    assert manifest.checkpoint.sha256 == sha256_of(small.path)
    assert manifest.checkpoint.file == small.path.name
    assert manifest.checkpoint.parameters == sum(
        value.numel() for value in small.checkpoint.model.state_dict().values()
    )
    assert manifest.parity.chunks == 3
    assert manifest.parity.steps == small.checkpoint.config.model.num_inference_timesteps
    assert 0 < manifest.parity.actions <= manifest.parity.actions_limit == 1e-4
    assert manifest.parity.buttons_agree == 1
    assert manifest.tools.keys() == {"ngrt", "torch", "onnx", "onnxscript"}
    assert manifest.notice == ""
    assert small.bundle.stat().st_mode & 0o777 == 0o755


@pytest.mark.usefixtures("ready_made")
def test_an_engine_of_nvidias_weights_carries_nvidias_notice(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export.build, "NITROGEN_SHA256", sha256_of(small.path))
    assert "non-commercial licence" in export_checkpoint(str(small.path), out).notice


@pytest.mark.usefixtures("ready_made")
def test_progress_is_told_in_order_and_ends_at_one(small: Variant, out: Path) -> None:
    told: list[tuple[str, float]] = []
    manifest = export_checkpoint(str(small.path), out, progress=lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)
    assert read_manifest(out) == manifest


def test_an_out_that_exists_is_refused_and_kept(small: Variant, out: Path) -> None:
    out.mkdir()
    (out / "mine").write_text("precious")
    refused(ExportError, r"bundle exists already; remove it or choose another --out", small.path, out)
    assert (out / "mine").read_text() == "precious"


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_an_out_that_is_something_else_is_refused(small: Variant, out: Path, kind: str) -> None:
    out.write_text("mine") if kind == "file" else out.symlink_to("nowhere")
    refused(ExportError, "exists already", small.path, out)


def test_an_out_in_no_folder_is_refused(small: Variant, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="deeper is not a folder; make it or choose another --out"):
        export_checkpoint(str(small.path), tmp_path / "deeper" / "bundle")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file is not a folder"):
        export_checkpoint(str(small.path), tmp_path / "file" / "bundle")


def test_a_folder_that_cannot_be_written_is_refused(small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", denied)  # root writes everywhere
    refused(ExportError, r"cannot write beside .*bundle: Permission denied; choose another --out", small.path, out)


def test_a_name_too_long_for_the_disk_is_refused(small: Variant, tmp_path: Path) -> None:
    refused(ExportError, "cannot write beside .*: File name too long", small.path, tmp_path / ("x" * 300))


def test_a_disk_that_fills_up_leaves_nothing(small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str, model: object, precision: str, folder: Path, data_limit: int) -> None:
        (folder / f"{name}.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export.build, "write_graph", full)
    refused(ExportError, "cannot write .*No space left on device; free space", small.path, out)


@pytest.mark.usefixtures("ready_made")
def test_an_out_that_someone_else_makes_meanwhile_is_not_replaced(small: Variant, out: Path) -> None:
    def meddle(stage: str, share: float) -> None:
        if stage.startswith("verifying"):
            out.mkdir()
            (out / "mine").write_text("precious")

    with pytest.raises(ExportError, match=r"cannot write .*bundle"):
        export_checkpoint(str(small.path), out, progress=meddle)
    assert [path.name for path in out.parent.iterdir()] == ["bundle"]
    assert (out / "mine").read_text() == "precious"


@pytest.mark.usefixtures("ready_made")
@pytest.mark.parametrize("stage", ["checking", "writing denoise", "verifying"])
def test_an_interrupt_leaves_nothing(small: Variant, out: Path, stage: str) -> None:
    def interrupt(told: str, share: float) -> None:
        if told.startswith(stage):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_checkpoint(str(small.path), out, progress=interrupt)
    assert list(out.parent.iterdir()) == []


def perturbed(name: str, amount: float) -> Callable[..., Checkpoint]:
    """Return a loader of a checkpoint with one tensor changed: no longer what its engine was made of."""

    def load(path: Path, context_frames: int | None = None) -> Checkpoint:
        loaded = load_checkpoint(path, context_frames)
        with torch.no_grad():
            loaded.model.get_parameter(name).copy_(loaded.model.get_parameter(name) + amount)
        return loaded

    return load


@pytest.mark.usefixtures("ready_made")
@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("vision_encoder.post_layernorm.bias", 0.01),
        ("vl_self_attention_model.transformer_blocks.0.norm3.bias", 0.05),
        ("model.transformer_blocks.1.attn1.to_v.bias", 0.01),
        ("model.transformer_blocks.0.norm1.linear.bias", 0.01),
        ("model.proj_out_2.bias", 0.01),
        ("action_encoder.W1.b", 0.01),
        ("action_decoder.layer2.b", 0.001),
        ("action_decoder.layer2.W", float("nan")),
    ],
)
def test_an_engine_that_disagrees_is_refused_and_leaves_nothing(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch, name: str, amount: float
) -> None:
    monkeypatch.setattr(export.run, "load_checkpoint", perturbed(name, amount))
    refused(ExportError, r"the fp32 engine disagrees .* actions differ by .* \(limit 1e-04\)", small.path, out)


@pytest.mark.usefixtures("ready_made")
def test_buttons_that_disagree_are_refused_even_where_the_difference_is_allowed(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(export.verify.LIMITS, "fp32", 100.0)
    monkeypatch.setattr(export.run, "load_checkpoint", perturbed("action_decoder.layer2.b", 1.0))
    refused(ExportError, r"of buttons agree \(limit 99%\)", small.path, out)


def test_a_model_that_torch_cannot_trace_is_refused(small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("many\nlines")

    monkeypatch.setattr(torch.onnx, "export", broken)
    monkeypatch.setattr(export.build, "write_graph", write_graph)  # not what remembers it
    refused(ExportError, r"torch 2\.\S+ cannot write this model as ONNX; install torch", small.path, out)


def test_what_was_exported_does_not_depend_on_the_working_folder(
    small: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = small.bundle
    monkeypatch.chdir(tmp_path)
    graph = write_graph("schedule", small.checkpoint.model, "fp32", tmp_path)
    assert graph.sha256 == read_manifest(bundle).graphs["schedule"].sha256
    assert Manifest.model_validate(json.loads((bundle / "manifest.json").read_text()))
    assert os.listdir(tmp_path) == ["schedule.onnx"]
