"""Real TensorRT for RTX engines of the small checkpoint, built without a GPU and never run."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tensorrt_rtx

import export.build
import export.toolkit
from export.build import Source
from export.build_watch import BuildProgress
from export.run import Gating, export_checkpoint
from export.to_tensorrt import timings_file
from ngrt.cli.commands import run
from ngrt.errors import SettingsError
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.tensorrt.edition import logger_of
from ngrt.policy.bundle import Parity, Precision, check_files, read_manifest
from tests.export.building import build_small, rtx
from tests.sharing import once

from .conftest import Variant
from .refusal import refused

PRECISIONS: tuple[Precision, ...] = ("fp16", "bf16", "fp32", "fp8")


@pytest.fixture(scope="module")
def built(small: Variant, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Precision], Path]:
    """Return a function from a precision to the small checkpoint's engines for 8.9; not to be changed."""

    @once
    def build(precision: Precision) -> Path:
        folder = tmp_path_factory.mktemp(precision) / "bundle"
        export_checkpoint(
            str(small.path),
            folder,
            precision=precision,
            target="tensorrt-rtx",
            capabilities=["89"],
            gating=Gating(force=precision == "fp8"),  # random weights this small may fail in fp8
        )
        return folder

    return build


@pytest.mark.parametrize("precision", PRECISIONS)
def test_engines_are_built_without_a_gpu_and_the_manifest_says_what_they_are(
    built: Callable[[Precision], Path], small: Variant, precision: Precision
) -> None:
    folder = built(precision)
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    assert (manifest.precision, manifest.target, manifest.capabilities) == (precision, "tensorrt-rtx", ("8.9",))
    assert manifest.tools["tensorrt_rtx"] == tensorrt_rtx.__version__
    assert {name: (graph.file, graph.data) for name, graph in manifest.graphs.items()} == {
        "schedule": ("schedule.onnx", ()),
        "observe": ("observe.engine", ()),
        "denoise": ("denoise.engine", ()),
    }
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json", "schedule.onnx", "observe.engine", "denoise.engine",
    }  # fmt: skip
    for name in ("observe.engine", "denoise.engine"):
        assert recognised((folder / name).read_bytes())
    assert manifest.policy == read_manifest(small.bundle).policy


def recognised(engine: bytes) -> bool:
    """Return whether the library's runtime takes ``engine`` for one of its own version; more needs a GPU."""
    validity = tensorrt_rtx.Runtime(logger_of(tensorrt_rtx)[0]).get_engine_validity(engine)
    return not validity[1] & int(tensorrt_rtx.EngineInvalidityDiagnostics.MALFORMED_ENGINE)


def test_what_is_no_engine_is_not_recognised() -> None:
    assert not recognised(b"no engine" * 100)


@pytest.mark.parametrize(
    ("precision", "limit", "dtype"), [("fp32", 1e-4, "float32"), ("fp16", 2e-2, "float16"), ("bf16", 0.16, "bfloat16")]
)
def test_engines_come_of_graphs_that_were_verified_and_have_their_signature(
    built: Callable[[Precision], Path], small: Variant, precision: Precision, limit: float, dtype: str
) -> None:
    manifest, plain = read_manifest(built(precision)), read_manifest(small.bundle)
    assert 0 < manifest.parity.actions <= manifest.parity.actions_limit == limit
    assert manifest.parity.buttons_agree >= 0.99
    for name, graph in manifest.graphs.items():
        same = plain.graphs[name]
        for mine, theirs in zip(graph.inputs + graph.outputs, same.inputs + same.outputs, strict=True):
            assert (mine.name, mine.shape) == (theirs.name, theirs.shape)
            assert mine.dtype == (dtype if mine.name.startswith(("key", "value")) else theirs.dtype)


@pytest.mark.usefixtures("ready_made")
def test_the_command_line_builds_in_half_precision_for_every_capability_named(small: Variant, out: Path) -> None:
    options = ["--target", "tensorrt-rtx", "--compute-capability", "89", "--compute-capability", "12.0"]
    assert run(["export", str(small.path), "--out", str(out), *options]) == 0
    manifest = read_manifest(out)
    assert (manifest.precision, manifest.capabilities) == ("fp16", ("8.9", "12.0"))


@pytest.mark.usefixtures("ready_made")
def test_one_engine_serves_several_capabilities(small: Variant, out: Path) -> None:
    manifest = build_small(small, out, capabilities=["89", "12.0", "8.9"])
    assert manifest.capabilities == ("8.9", "12.0")


@pytest.mark.usefixtures("ready_made")
def test_progress_goes_through_both_engines_and_ends_at_one(small: Variant, out: Path) -> None:
    told: list[tuple[str, float]] = []
    manifest = build_small(small, out, progress=lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    stages = [stage for stage, _ in told]
    assert stages.index("building observe with tensorrt_rtx") < stages.index("building denoise with tensorrt_rtx")
    assert told[-1] == ("done", 1.0)
    assert read_manifest(out) == manifest


@pytest.mark.usefixtures("ready_made")
def test_engines_are_verified_themselves_where_this_machines_gpu_can_run_them(
    small: Variant, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def measured(checkpoint: object, folder: Path, precision: Precision, policy: object = None) -> Parity:
        asked.append(read_manifest(folder).target)
        return Parity(context=0, actions=0.5, actions_limit=1, buttons_agree=1, chunks=len(asked), steps=3)

    def opened(folder: Path, **how: Any) -> EnginePolicy:
        """The same policy's graphs, where there is no GPU for its engines."""
        return open_policy(folder if read_manifest(folder).target == "onnx" else small.bundle, **how)

    monkeypatch.setattr(export.build, "verify", measured)
    monkeypatch.setattr(export.build, "open_policy", opened)
    monkeypatch.setattr(export.toolkit, "capability_here", lambda extra: "8.9")
    manifest = build_small(small, out, capabilities=[])
    assert manifest.reference is not None
    assert manifest.capabilities == ("8.9",)
    assert asked == ["onnx", "tensorrt-rtx"]
    assert manifest.parity.chunks == 2


@pytest.mark.usefixtures("ready_made")
def test_the_other_edition_builds_by_the_same_path_and_keeps_its_timings(
    small: Variant, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorRT cannot be installed here: TensorRT for RTX, whose interface is the same, stands for it."""
    stand_in(monkeypatch, tmp_path)
    with pytest.warns(DeprecationWarning, match="no-ops in TensorRT-RTX"):
        manifest = build_small(small, out, target="tensorrt", capabilities=[])
    assert (manifest.target, manifest.capabilities) == ("tensorrt", ("8.9",))
    kept = tmp_path / "cache" / "ngrt" / f"tensorrt-{tensorrt_rtx.__version__}-8.9.timings"
    assert kept.stat().st_size > 0
    with pytest.warns(DeprecationWarning, match="no-ops in TensorRT-RTX"):  # and reads them
        again = build_small(small, out.with_name("again"), target="tensorrt", capabilities=["89"])
    assert again.graphs.keys() == manifest.graphs.keys()


def test_the_other_edition_refuses_a_gpu_that_is_not_here(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, tmp_path)
    message = r"this machine's GPU alone, compute capability 8\.9, not 12\.0; leave --compute-capability out"
    refused(SettingsError, message, "no-such-checkpoint.pt", out, target="tensorrt", capabilities=["12.0"])


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    module = ModuleType("tensorrt")
    module.__dict__.update({name: value for name, value in vars(tensorrt_rtx).items() if name != "__name__"})
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    monkeypatch.setattr(export.toolkit, "capability_here", lambda extra: "8.9")
    monkeypatch.setattr(Source, "_verified_on_this_gpu", lambda source, toolkit, folder, manifest: manifest)
    (folder / "cache").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


def test_an_edition_that_times_nothing_keeps_no_timings() -> None:
    assert timings_file(rtx("8.9")) is None
    assert timings_file(rtx("8.9", "tensorrt")) is not None


def test_a_build_is_as_far_as_its_phases_and_never_goes_back() -> None:
    progress = BuildProgress()
    assert progress.share == 0
    progress.started("whole", 4)
    progress.stepped("whole", 1)
    assert progress.share == 0.5
    progress.started("part", 2)
    assert progress.stepped("part", 0)
    assert progress.share == 0.625
    progress.started("part of part", 10)
    progress.finished("part of part")
    progress.finished("part")
    progress.stepped("never started", 7)
    assert progress.share == 0.625
    progress.stop()
    assert not progress.stepped("whole", 2)
    assert progress.share == 0.75
