"""What a gate or a parity check promised is checked again, once, wherever an engine is opened otherwise."""

import json
from pathlib import Path

import numpy as np
import pytest

import ngrt
from ngrt.errors import BundleError
from ngrt.inference import recheck
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.recheck import OtherwiseError, reference_of
from ngrt.inference.runners import RUNNERS, Runner
from ngrt.policy.agreement import Agreement
from ngrt.policy.bundle import read_manifest
from ngrt.policy.reference import TRIALS, Reference, trials
from ngrt.policy.shipped import arcade_engine
from ngrt.policy.spec import PolicySpec

from .bundles import copied, edit, graph_of, put

FRAME = np.zeros((256, 256, 3), np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's cache out of it; return the folder of what was checked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ngrt" / "verified"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a copy of the arcade's engine, verified here and now."""
    folder = copied(tmp_path / "bundle", lambda manifest: manifest.pop("reference"))
    with open_policy(folder, backend="cpu") as policy:
        verified(folder, policy)
    return folder


def verified(folder: Path, policy: EnginePolicy) -> None:
    reference = reference_of(policy).model_dump()
    edit(folder, lambda manifest: manifest.update(reference=reference))


def elsewhere(folder: Path) -> Path:
    """Let the bundle have been verified under other versions."""
    edit(folder, lambda manifest: manifest["reference"].update(where="ONNX Runtime 1.0, another processor"))
    return folder


def told(folder: Path, backend: str = "cpu") -> list[str]:
    notes: list[str] = []
    assert backend in ("cpu", "openvino", "auto")
    open_policy(folder, backend=backend, threads=1, note=notes.append).close()  # type: ignore[arg-type]
    return notes


def spoiled(folder: Path) -> Path:
    """Change what the engine computes, but not what it did where it was verified."""
    graph = graph_of(folder, "denoise")
    weights = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weights.raw_data = (np.frombuffer(weights.raw_data, np.float32) * 0.5).tobytes()
    put(folder, "denoise", graph)
    return folder


def test_where_it_was_verified_it_is_not_checked_again(bundle: Path, cache: Path) -> None:
    assert told(bundle) == []
    assert not cache.exists()


def test_elsewhere_it_is_checked_once_and_that_is_remembered(bundle: Path, cache: Path) -> None:
    elsewhere(bundle)
    assert told(bundle) == [f"checking once that {bundle} acts here as where it was verified"]
    (record,) = cache.iterdir()
    assert "100.00% of buttons agree" in record.read_text()
    assert told(bundle) == []


def test_another_backend_another_processor_and_another_version_are_each_checked(
    bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(told(bundle, "openvino")) == 1
    monkeypatch.setattr("ngrt.inference.onnx.cpu.processor", lambda: "a processor with other products")
    assert len(told(bundle)) == 1
    monkeypatch.setattr("ngrt.inference.onnx.cpu.ort.__version__", "1.99")
    assert len(told(bundle)) == 1
    assert len(list(cache.iterdir())) == 3
    assert told(bundle) == []


def test_other_graphs_are_checked_though_those_before_them_were(bundle: Path) -> None:
    told(elsewhere(bundle))
    graph = graph_of(bundle, "observe")
    graph.doc_string = "another"
    put(bundle, "observe", graph)
    assert len(told(bundle)) == 1


def test_an_engine_that_acts_otherwise_is_refused_with_both_places_each_time(bundle: Path, cache: Path) -> None:
    spoiled(elsewhere(bundle))
    for _ in range(2):
        with pytest.raises(OtherwiseError, match="acts otherwise here than where it was verified: ") as caught:
            told(bundle)
        assert "\n" not in str(caught.value)
        assert "ONNX Runtime 1.0, another processor" in str(caught.value)
        assert "limits are 99% and 0.02; upgrade what runs it" in str(caught.value)
    assert not cache.exists()


def test_from_python_it_is_refused_as_well(bundle: Path) -> None:
    spoiled(elsewhere(bundle))
    with pytest.raises(ngrt.NgrtError, match="acts otherwise"):
        ngrt.load_policy(bundle, backend="cpu")


def test_actions_that_are_no_numbers_are_refused_also_where_the_gate_was_overruled(bundle: Path) -> None:
    graph = graph_of(bundle, "denoise")
    weights = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weights.raw_data = np.full(len(weights.raw_data) // 4, np.nan, np.float32).tobytes()
    put(bundle, "denoise", graph)
    by_force(elsewhere(bundle))
    with pytest.raises(BundleError, match="acts otherwise"):
        told(bundle)


def by_force(folder: Path) -> None:
    gate = {
        "buttons_agree": 0.5,
        "buttons_least": 0.99,
        "stick_error": 0.5,
        "stick_limit": 0.02,
        "repeat_error": 0.0,
        "chunks": 1,
        "steps": 1,
        "frames": "generated",
        "failure": "too far",
    }
    edit(folder, lambda manifest: manifest.update(gate=gate))


def test_an_engine_that_was_written_by_force_is_told_of_and_runs(bundle: Path) -> None:
    by_force(spoiled(elsewhere(bundle)))
    assert ["acts otherwise here" in note for note in told(bundle)] == [False, True]
    assert ["acts otherwise here" in note for note in told(bundle)] == [True]


def test_more_than_parity_allows_and_less_than_the_gate_is_said_and_runs(bundle: Path) -> None:
    edit(bundle, lambda manifest: manifest["parity"].update(actions_limit=0.0))
    (_, note), (again,) = told(bundle, "openvino"), told(bundle, "openvino")
    assert "more than the 0e+00 that it was held to; 100.00% of buttons agree" in note
    assert again == note


def test_where_nothing_can_be_remembered_it_is_checked_each_time_and_runs(bundle: Path, cache: Path) -> None:
    elsewhere(bundle)
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("a file where the folder should be")
    assert len(told(bundle)) == len(told(bundle)) == 1


def test_a_user_without_a_home_can_open_it(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(recheck, "cache_folder", homeless)
    assert len(told(elsewhere(bundle))) == 1


def test_a_bundle_from_before_there_was_this_runs_with_a_word(bundle: Path) -> None:
    edit(bundle, lambda manifest: manifest.pop("reference"))
    (note,) = told(bundle)
    assert "cannot be checked" in note or "not checked here" in note
    assert "export it again" in note


@pytest.mark.parametrize("actions", ["", "AAAA", "not base64!"])
def test_damaged_reference_actions_are_refused(bundle: Path, actions: str) -> None:
    edit(elsewhere(bundle), lambda manifest: manifest["reference"].update(actions=actions))
    with pytest.raises(BundleError, match="reference actions are damaged"):
        told(bundle)


def test_where_one_backend_acts_otherwise_the_next_is_taken(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, wrong = RUNNERS["cpu"], spoiled(copied(bundle.with_name("wrong")))
    opener = lambda _, __, threads: known.open(wrong, read_manifest(wrong), threads)  # noqa: E731
    monkeypatch.setitem(RUNNERS, "cpu", Runner(known.targets, known.precisions, opener))
    elsewhere(bundle)
    notes: list[str] = []
    with open_policy(bundle, note=notes.append) as policy:
        assert policy.engine.backend == "openvino"
    assert any("backend cpu cannot be used" in note and "acts otherwise" in note for note in notes)


def test_a_seed_gives_the_same_noise_whether_it_was_checked_or_not(bundle: Path) -> None:
    with open_policy(bundle, backend="cpu", seed=3) as before:
        wanted = before.draw_noise()
    with open_policy(elsewhere(bundle), backend="cpu", seed=3) as policy:
        np.testing.assert_array_equal(policy.draw_noise(), wanted)


def test_the_engine_that_ships_can_be_checked_anywhere(cache: Path) -> None:
    manifest = read_manifest(arcade_engine())
    assert manifest.reference is not None
    with open_policy(arcade_engine(), backend="cpu") as policy:
        wanted, found = manifest.reference.chunks(policy.spec), reference_of(policy).chunks(policy.spec)
    assert np.abs(np.stack(wanted) - np.stack(found)).max() < 1e-4


SPEC = PolicySpec(action_dim=25, action_horizon=18, context_frames=2, games={"celeste": 1, "hades": 2})


def test_the_observations_are_the_same_everywhere() -> None:
    first, whole, guided = trials(SPEC)
    assert (len(first.frames), len(whole.frames), len(guided.frames)) == (1, 2, 2)
    assert (first.game, whole.game, guided.game) == (None, "hades", None)
    assert first.frames[0].shape == (256, 256, 3)
    assert first.frames[0][0, 0].tolist() == [65, 114, 196]
    assert first.noise.dtype == np.float32


def test_the_noise_is_about_normal() -> None:
    noise = np.concatenate([trial.noise.ravel() for trial in trials(SPEC)])
    assert abs(noise.mean()) < 0.1
    assert abs(noise.std() - 1) < 0.1


def test_a_reference_comes_back_as_it_was() -> None:
    random = np.random.default_rng(0)
    chunks = [random.standard_normal((18, 25), np.float32) for _ in TRIALS]
    kept = Reference.model_validate_json(json.dumps(Reference.of("here", chunks).model_dump()))
    np.testing.assert_array_equal(np.stack(kept.chunks(SPEC)), np.stack(chunks))


def test_nan_never_agrees() -> None:
    assert not Agreement(1.0, float("nan")).passes
