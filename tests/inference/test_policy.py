"""`ngrt.load_policy` and `policy.predict`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ngrt
from ngrt.errors import ObservationError, SettingsError
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Image

FRAME = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


@pytest.fixture
def policy(tiny_bundle: Path) -> EnginePolicy:
    return open_policy(tiny_bundle, threads=1)


def test_a_chunk_has_typed_arrays_of_the_shapes_it_promises(policy: EnginePolicy) -> None:
    chunk = policy.predict([FRAME])
    assert chunk.actions.shape == (18, 25)
    assert chunk.actions.dtype == np.float32
    assert (chunk.j_left.shape, chunk.j_right.shape) == ((18, 2), (18, 2))
    assert chunk.buttons.shape == (18, 21)
    assert chunk.buttons.dtype == np.uint8
    assert isinstance(chunk.pad(0), ngrt.PadState)


def test_the_same_noise_gives_the_same_chunk_and_fresh_noise_another(policy: EnginePolicy) -> None:
    noise = policy.draw_noise()
    first, again = policy.predict([FRAME], noise), policy.predict([FRAME], noise)
    assert np.array_equal(first.actions, again.actions)
    assert not np.array_equal(first.actions, policy.predict([FRAME]).actions)


def test_a_seed_makes_the_drawn_noise_repeatable(tiny_bundle: Path) -> None:
    one, two = (ngrt.load_policy(tiny_bundle, seed=3).predict([FRAME]).actions for _ in range(2))
    assert np.array_equal(one, two)


def test_more_steps_give_another_chunk_and_one_step_is_enough(policy: EnginePolicy) -> None:
    noise = policy.draw_noise()
    one, many = (policy.predict([FRAME], noise, steps=steps).actions for steps in (1, 30))
    assert np.isfinite(one).all()
    assert not np.array_equal(one, many)


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (np.zeros((10, 10, 4), np.uint8), r"shape \(10, 10, 4\)"),
        (np.zeros((10, 10), np.uint8), r"shape \(10, 10\)"),
        (np.zeros((0, 10, 3), np.uint8), r"shape \(0, 10, 3\)"),
        (np.zeros((10, 10, 3), np.float32), "dtype float32; it must be uint8"),
        ([[1, 2, 3]], "frame is list"),
    ],
)
def test_a_frame_of_wrong_shape_or_type_is_refused(policy: EnginePolicy, frame: Image, complaint: str) -> None:
    with pytest.raises(ObservationError, match=complaint):
        policy.predict([frame])


def test_no_frames_and_too_many_are_refused_with_the_limit(policy: EnginePolicy) -> None:
    for count in (0, 2):
        with pytest.raises(ObservationError, match=f"{count} frames given; this policy takes 1 to 1"):
            policy.predict([FRAME] * count)


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_steps_out_of_range_are_refused(policy: EnginePolicy, steps: int) -> None:
    with pytest.raises(ObservationError, match=f"steps is {steps}; it must be from 1 to 1000"):
        policy.predict([FRAME], steps=steps)


@pytest.mark.parametrize("noise", [np.zeros((3, 3)), np.full((18, 25), np.nan), np.zeros((18, 25), np.int64)])
def test_noise_that_does_not_fit_is_refused(policy: EnginePolicy, noise: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:  # fmt: skip  # noqa: E501
    with pytest.raises(ObservationError, match="noise"):
        policy.predict([FRAME], noise)


def test_guidance_that_is_no_number_is_refused(policy: EnginePolicy) -> None:
    with pytest.raises(ObservationError, match="guidance is nan"):
        policy.predict([FRAME], guidance=float("nan"))


@pytest.mark.parametrize("guidance", [1e300, -101.0, float("inf")])
def test_guidance_out_of_range_is_refused(policy: EnginePolicy, guidance: float) -> None:
    with pytest.raises(ObservationError, match="it must be within 100 of 0"):
        policy.predict([FRAME], guidance=guidance)


def test_actions_that_are_not_finite_never_become_a_chunk(
    policy: EnginePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "denoise", lambda *_: np.full((1, 18, 25), np.nan, np.float32))
    with pytest.raises(ObservationError, match="actions are not finite"):
        policy.predict([FRAME])


def test_one_frame_that_is_in_no_list_is_refused_with_the_remedy(policy: EnginePolicy) -> None:
    with pytest.raises(ObservationError, match=r"give a list of frames, for one of them: \[frame\]"):
        policy.predict(FRAME)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, -3, 100_000])
def test_threads_out_of_range_are_refused_with_the_limit(threads: int, tiny_bundle: Path) -> None:
    with pytest.raises(SettingsError, match=f"threads is {threads}; on this machine it must be from 1 to"):
        ngrt.load_policy(tiny_bundle, threads=threads)


def test_a_chunk_is_equal_to_itself_alone(policy: EnginePolicy) -> None:
    one, other = policy.predict([FRAME]), policy.predict([FRAME])
    assert one == one
    assert one != other
    assert len({one, other}) == 2


def test_more_steps_than_the_training_had_times_are_fine(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "coarse"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["policy"]["timestep_buckets"] = 10
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert np.isfinite(open_policy(folder, threads=1).predict([FRAME], steps=16).actions).all()


def test_all_that_the_package_promises_is_there() -> None:
    assert all(hasattr(ngrt, name) for name in ngrt.__all__)


def test_a_game_the_policy_does_not_know_is_refused_with_those_it_does(bundle_of: Callable[[str], Path]) -> None:
    policy = ngrt.load_policy(bundle_of("tiny-games"))
    with pytest.raises(ObservationError, match=r"'doom' is not one .* it knows: celeste, cuphead, hollow knight"):
        policy.predict([FRAME], game="doom")


def test_naming_the_game_changes_the_chunk(bundle_of: Callable[[str], Path]) -> None:
    policy = open_policy(bundle_of("tiny-games"))
    noise = policy.draw_noise()
    named, unnamed = policy.predict([FRAME], noise, game="cuphead"), policy.predict([FRAME], noise)
    assert not np.array_equal(named.actions, unnamed.actions)


def test_a_policy_with_memory_takes_fewer_frames_as_well(bundle_of: Callable[[str], Path]) -> None:
    policy = open_policy(bundle_of("tiny-context-cfg"))
    noise = policy.draw_noise()
    one, two = policy.predict([FRAME], noise), policy.predict([FRAME[::-1], FRAME], noise)
    assert not np.array_equal(one.actions, two.actions)
