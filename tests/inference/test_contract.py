"""What every engine promises, over all that can run here: they give what the torch model gives."""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.checkpoint import Checkpoint, load_checkpoint
from export.run import export_checkpoint
from export.verify import LIMITS, Case, fresh_cases, reference
from ngrt import inference
from ngrt.errors import BundleError, EngineError
from ngrt.inference.engine import Engine
from ngrt.inference.onnx.cpu import OnnxEngine
from ngrt.inference.onnx.cuda import CudaEngine
from ngrt.inference.openvino import OpenvinoEngine
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.tensorrt.engine import TensorRtEngine
from ngrt.messages import Array, Guide
from ngrt.policy.bundle import Backend, Manifest, Precision, read_manifest
from ngrt.resource import Resource
from tests.export.making import write_small
from tests.sharing import once

Make = Callable[[Path, Manifest], Engine[Any]]

ENGINES: dict[str, Make] = {
    "onnx": lambda folder, manifest: OnnxEngine(folder, manifest, 1),
    "openvino": lambda folder, manifest: OpenvinoEngine(folder, manifest, 1),
    "cuda's, on the cpu": partial(CudaEngine, device="cpu"),
}
BACKENDS: dict[str, Backend] = {"onnx": "cpu", "openvino": "openvino", "cuda's, on the cpu": "cuda"}
EVERY = [(engine, precision) for engine in ENGINES for precision in ("fp32", "fp16")] + [("openvino", "bf16")]

GAMES = ("hades", "celeste")
CHANGES = {"modality_cfg": {"frame_per_sample": 2}, "tokenizer_cfg": {"max_sequence_length": 12}}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Return one that sees two frames and knows games."""
    return load_checkpoint(write_small(tmp_path_factory.mktemp("engines"), CHANGES, games=GAMES))


@pytest.fixture(scope="module")
def folder_of(checkpoint: Checkpoint) -> Callable[[Precision], Path]:
    """Return a function from a precision to the bundle; not to be changed."""

    @once
    def export(precision: Precision) -> Path:
        folder = checkpoint.path.parent / precision
        export_checkpoint(str(checkpoint.path), folder, precision=precision)
        return folder

    return export


@pytest.fixture
def policy_of(folder_of: Callable[[Precision], Path]) -> Iterator[Callable[[str, Precision], EnginePolicy]]:
    """Return a function from an engine and a precision to the policy it runs."""
    opened: list[EnginePolicy] = []

    def open_(engine: str, precision: Precision) -> EnginePolicy:
        folder = folder_of(precision)
        manifest = read_manifest(folder)
        opened.append(EnginePolicy(folder, manifest, ENGINES[engine](folder, manifest)))
        return opened[-1]

    yield open_
    for policy in opened:
        policy.close()


Open = Callable[[str, Precision], EnginePolicy]


def chunk(policy: EnginePolicy, case: Case, steps: int = 3, guide: Guide | None = None) -> Array:
    observed = policy.observe(case.frames, case.guidance, case.game)
    return policy.denoise(observed, case.noise, steps, guide)


@pytest.mark.parametrize(("engine", "precision"), EVERY)
def test_chunks_are_the_torch_model_s(
    engine: str, precision: Precision, policy_of: Open, checkpoint: Checkpoint
) -> None:
    """With one frame and two, a game, guidance; each change of shape after another."""
    policy = policy_of(engine, precision)
    cases = list(fresh_cases(policy))
    assert {len(case.frames) for case in cases} == {1, 2}
    assert {case.guidance for case in cases} == {1.0, 1.5}
    for case in [*cases, *reversed(cases)]:
        context, actions = reference(checkpoint.model, policy, case, 3)
        observed = policy.observe(case.frames, case.guidance, case.game)
        found = policy.denoise(observed, case.noise, 3)
        assert found.dtype == np.float32
        assert found.shape == (len(context), *actions.shape)
        np.testing.assert_allclose(found[0], actions, rtol=0, atol=LIMITS[precision])
        np.testing.assert_allclose(observed.context, context, rtol=0, atol=LIMITS[precision])


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("engine", ENGINES)
def test_any_number_of_steps_gives_the_torch_model_s_actions(
    engine: str, steps: int, policy_of: Open, checkpoint: Checkpoint
) -> None:
    policy = policy_of(engine, "fp32")
    for case in fresh_cases(policy):
        _, actions = reference(checkpoint.model, policy, case, steps)
        np.testing.assert_allclose(chunk(policy, case, steps)[0], actions, rtol=0, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_of_observations_is_each_alone(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (3, 2, 32, 32, 3), np.uint8)
    noise = random.standard_normal((3, 5, 25), np.float32)
    together = policy.denoise(policy.observe_each(pictures), noise, 3)
    for row in range(3):
        alone = policy.denoise(policy.observe_each(pictures[row : row + 1]), noise[row], 3)
        np.testing.assert_allclose(together[row], alone[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ["openvino", "cuda's, on the cpu"])
def test_merging_with_an_earlier_chunk_is_onnx_runtime_s(engine: str, policy_of: Open) -> None:
    policy, plain = policy_of(engine, "fp32"), policy_of("onnx", "fp32")
    random = np.random.default_rng(1)
    for number, case in enumerate(fresh_cases(plain)):
        prior = random.standard_normal((5, 25)).astype(np.float32)
        strengths = random.random(3, np.float32) * (number + 1)
        guide = Guide(prior, random.random(5, np.float32), strengths)
        wanted, free = chunk(plain, case, guide=guide), chunk(plain, case)
        assert np.abs(wanted - free).max() > 0.01
        np.testing.assert_allclose(chunk(policy, case, guide=guide), wanted, rtol=0, atol=1e-5)
        np.testing.assert_allclose(chunk(policy, case), free, rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_noise_gives_the_same_chunk_whatever_ran_between(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    first, *others = fresh_cases(policy)
    before = chunk(policy, first).copy()
    for case in others:
        chunk(policy, case, steps=2)
    np.testing.assert_array_equal(chunk(policy, first), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_given_is_neither_kept_nor_changed(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    case = next(iter(fresh_cases(policy)))
    noise = case.noise.copy()
    observed = policy.observe(case.frames)
    first = policy.denoise(observed, noise, 3)
    kept = first.copy()
    np.testing.assert_array_equal(noise, case.noise)
    noise += 1
    second = policy.denoise(observed, noise, 3)
    np.testing.assert_array_equal(first, kept)
    assert np.abs(second - first).max() > 0.01


@pytest.mark.parametrize("engine", ENGINES)
def test_noise_that_cannot_be_written_to_is_taken(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    case = next(iter(fresh_cases(policy)))
    noise = case.noise.copy()
    noise.flags.writeable = False
    observed = policy.observe(case.frames)
    np.testing.assert_array_equal(policy.denoise(observed, noise, 2), policy.denoise(observed, case.noise, 2))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_finite_comes_back_so_and_leaves_nothing_behind(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    case = next(iter(fresh_cases(policy)))
    before = chunk(policy, case).copy()
    observed = policy.observe(case.frames)
    assert not np.isfinite(policy.denoise(observed, np.full_like(case.noise, np.nan), 3)).any()
    np.testing.assert_array_equal(chunk(policy, case), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_it_has_a_name_of_one_line_and_may_be_closed_twice(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    assert policy.engine.name
    assert "\n" not in policy.engine.name
    policy.close()
    policy.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_it_says_the_backend_that_it_is_asked_for_by(engine: str, policy_of: Open) -> None:
    assert policy_of(engine, "fp32").engine.backend == BACKENDS[engine]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", [None, KeyError("in the block")])
def test_it_and_its_policy_are_closed_at_the_end_of_a_with_however_that_ends(
    engine: str,
    fault: Exception | None,
    folder_of: Callable[[Precision], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = folder_of("fp32")
    manifest, closed = read_manifest(folder), list[str]()
    with ENGINES[engine](folder, manifest) as opened:
        close = opened.close

        def counted() -> None:
            closed.append(engine)
            close()

        monkeypatch.setattr(opened, "close", counted)
        with pytest.raises(KeyError) if fault else nullcontext(), EnginePolicy(folder, manifest, opened) as policy:
            assert policy.engine is opened
            if fault:
                raise fault
        assert closed == [engine]
    assert closed == [engine, engine]


def test_whatever_has_a_close_in_the_room_of_engines_works_in_a_with() -> None:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(inference.__path__, f"{inference.__name__}.")
    ]
    closable = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and hasattr(kind, "close")
    }
    own = {kind for kind in closable if kind.__module__.startswith(inference.__name__)}
    assert {OnnxEngine, CudaEngine, OpenvinoEngine, TensorRtEngine, EnginePolicy} <= own
    assert {kind for kind in own if Resource not in kind.__mro__} == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_pictures_of_another_size_fail_in_one_line(engine: str, policy_of: Open) -> None:
    policy = policy_of(engine, "fp32")
    with pytest.raises(EngineError, match="failed") as caught:
        policy.observe_each(np.zeros((1, 1, 32, 31, 3), np.uint8))
    assert "\n" not in str(caught.value)
    assert np.isfinite(chunk(policy, next(iter(fresh_cases(policy))))).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("graph", ["schedule", "observe", "denoise"])
def test_graphs_that_were_changed_are_refused(
    engine: str, graph: str, folder_of: Callable[[Precision], Path], tmp_path: Path
) -> None:
    folder = folder_of("fp32")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes() + (b"x" if file.stem == graph else b""))
    with pytest.raises(BundleError, match=rf"{graph}\.onnx was changed: SHA-256 .*; export again"):
        ENGINES[engine](tmp_path, read_manifest(folder))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_graph_that_is_none_is_refused_in_one_line(
    engine: str, folder_of: Callable[[Precision], Path], tmp_path: Path
) -> None:
    folder = folder_of("fp32")
    manifest = read_manifest(folder)
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "denoise.onnx").write_bytes(b"not a graph")
    digest = hashlib.sha256(b"not a graph").hexdigest()
    stated = manifest.graphs["denoise"].model_copy(update={"sha256": digest})
    manifest = manifest.model_copy(update={"graphs": {**manifest.graphs, "denoise": stated}})
    with pytest.raises(BundleError, match=r"denoise\.onnx cannot be loaded .*export") as caught:
        ENGINES[engine](tmp_path, manifest)
    assert "\n" not in str(caught.value)
