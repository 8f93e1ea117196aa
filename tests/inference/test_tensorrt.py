"""TensorRT's engines on a stand-in for the GPU: whole chunks against ONNX Runtime's, launches, errors, leaks."""

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorrt_rtx
from cuda.bindings import runtime as real_runtime

from export.run import export_checkpoint
from ngrt.control.merging import Merging
from ngrt.errors import BundleError, EngineError, MissingExtraError, NgrtError
from ngrt.inference.engine import Observation
from ngrt.inference.on_device import Launches
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.inference.tensorrt.edition import OF_RTX, rebuild
from ngrt.inference.tensorrt.engine import MOST_GRAPHS, TensorRtEngine
from ngrt.messages import Array, Image
from ngrt.policy.bundle import Precision, Target, read_manifest, sha256_of
from tests.export.conftest import GAMES
from tests.export.making import Changes, inputs, write_small

from .gpu.rig import VERSION, Machine, engines_of, pretend, rewrite
from .gpu.runtime import Errors

HORIZON, COLUMNS, SIDE = 18, 25, 256
UNALIGNED: Changes = {"modality_cfg": {"frame_per_sample": 2}, "tokenizer_cfg": {"max_sequence_length": 11}}
MEMORY = Errors.cudaErrorMemoryAllocation


@pytest.fixture(scope="module")
def onnx(bundle_of: Callable[[str], Path]) -> Path:
    """Return a bundle of two frames, of which a row of keys ends where TensorRT lets the next begin."""
    return bundle_of("tiny-context-cfg")


@pytest.fixture(scope="module")
def unaligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle in half precision, of two frames and games, of which it does not."""
    folder = tmp_path_factory.mktemp("unaligned")
    export_checkpoint(str(write_small(folder, UNALIGNED, games=GAMES)), folder / "bundle", precision="fp16")
    return folder / "bundle"


@pytest.fixture(scope="module")
def engines(onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return engines_of(onnx, tmp_path_factory.mktemp("engines") / "bundle")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    machine = pretend(monkeypatch, tmp_path / "cache")
    yield machine
    assert machine.driver.wrongs == []


@pytest.fixture
def pair(machine: Machine, onnx: Path, engines: Path) -> Iterator[tuple[EnginePolicy, EnginePolicy]]:
    """Return the policy under TensorRT and under ONNX Runtime."""
    policy, _ = machine.open(engines)
    yield policy, open_policy(onnx, threads=1)
    policy.close()
    assert machine.driver.live == 0


def frames(count: int, seed: int = 1) -> list[Image]:
    return inputs(count, HORIZON, COLUMNS, seed).frames


def noise(seed: int = 1, horizon: int = HORIZON) -> Array:
    return inputs(1, horizon, COLUMNS, seed).noise


def assert_same(pair: tuple[EnginePolicy, EnginePolicy], call: Callable[[EnginePolicy], Array]) -> None:
    found, wanted = (call(policy) for policy in pair)
    assert np.abs(found - wanted).max() < 1e-5
    assert np.isfinite(found).all()


def chunk(count: int = 1, steps: int = 3, guidance: float = 1.0, seed: int = 1) -> Callable[[EnginePolicy], Array]:
    def make(policy: EnginePolicy) -> Array:
        observed = policy.observe(frames(count, seed), guidance)
        return policy.denoise(observed, noise(seed, policy.spec.action_horizon), steps)

    return make


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_chunks_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy], count: int, steps: int) -> None:
    assert_same(pair, chunk(count, steps))


@pytest.mark.parametrize("count", [1, 2])
def test_guided_chunks_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy], count: int) -> None:
    assert_same(pair, chunk(count, 3, guidance=1.5))


def test_two_observations_at_once_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 1, SIDE, SIDE, 3), np.uint8)
    each = np.stack([noise(1), noise(2)])
    assert_same(pair, lambda policy: policy.denoise(policy.observe_each(pictures), each, 3))


def test_rows_that_end_unaligned_are_brought_to_their_place(machine: Machine, unaligned: Path, tmp_path: Path) -> None:
    policy, engine = machine.open(engines_of(unaligned, tmp_path / "engines"))
    pair = policy, open_policy(unaligned, threads=1)
    row = engine._buffers.row_bytes["key_0"]
    assert row % 256
    for _ in range(2):
        assert_same(pair, chunk(2, 3, guidance=2.0))
    policy.close()
    assert machine.driver.live == 0


def test_a_game_is_seen(machine: Machine, unaligned: Path, tmp_path: Path) -> None:
    policy, _ = machine.open(engines_of(unaligned, tmp_path / "engines"))

    def each(policy: EnginePolicy) -> Array:
        return np.stack([policy.observe(frames(2), game=game).context for game in (None, "hades", "celeste")])

    assert_same((policy, open_policy(unaligned, threads=1)), each)
    assert len(np.unique(each(policy), axis=0)) == 3
    policy.close()


def test_rows_that_end_aligned_are_written_where_they_are_read(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    policy.observe(frames(2), 1.5)
    assert engine._buffers.row_bytes["key_0"] % 256 == 0
    copies = [arguments[3] for name, arguments in machine.driver.made if name == "cudaMemcpyAsync"]
    assert copies == [real_runtime.cudaMemcpyKind.cudaMemcpyHostToDevice] * 2
    policy.close()


@pytest.mark.parametrize("mode", ["rtc", "prefix"])
def test_merged_chunks_are_those_of_onnx_runtime(pair: tuple[EnginePolicy, EnginePolicy], mode: str) -> None:
    merging = Merging("rtc") if mode == "rtc" else Merging("prefix")

    def make(policy: EnginePolicy) -> Array:
        last, made = noise(9), []
        for seed in (1, 2, 3):
            guide = merging.guide(last, 2, 1, 4)
            last = policy.denoise(policy.observe(frames(1, seed)), noise(seed), 4, guide)[0]
            made.append(last)
        return np.stack(made)

    assert_same(pair, make)


def test_what_one_chunk_was_made_with_does_not_stay_for_the_next(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    policy, _ = pair
    plain = chunk(1, 4)(policy)
    guide = Merging("rtc").guide(noise(9), 2, 1, 4)
    guided = policy.denoise(policy.observe(frames(1)), noise(), 4, guide)
    assert np.abs(guided - plain).max() > 1e-3
    assert np.array_equal(chunk(1, 4)(policy), plain)


def test_steps_may_change_and_change_back(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    for steps in (3, 6, 3, 1, 6):
        assert_same(pair, chunk(1, steps, seed=steps))


def test_a_schedule_that_is_computed_again_is_uploaded_again(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    policy, _ = pair
    first = chunk(1, 3)(policy)
    policy._modulations[3] = policy.schedule(3) * 2
    assert np.abs(chunk(1, 3)(policy) - first).max() > 1e-3
    policy._modulations.clear()
    assert np.array_equal(chunk(1, 3)(policy), first)


def test_a_second_observation_is_not_mixed_with_the_first(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    def make(policy: EnginePolicy) -> Array:
        policy.observe(frames(2, seed=4), 1.5)
        policy.observe(frames(1, seed=5))
        return policy.denoise(policy.observe(frames(1, seed=6)), noise(), 3)

    assert_same(pair, make)


def test_the_context_comes_from_the_device_when_it_is_asked_for(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    assert_same(pair, lambda policy: policy.observe(frames(2), 1.5).context)


def test_what_was_replaced_on_the_device_is_not_denoised(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    policy, _ = pair
    first = policy.observe(frames(1))
    policy.observe(frames(1, seed=2))
    with pytest.raises(EngineError, match="another observation has replaced this one"):
        policy.denoise(first, noise(), 3)
    with pytest.raises(EngineError, match="another observation has replaced this one"):
        _ = first.context


def test_more_branches_than_the_engine_takes_are_refused(pair: tuple[EnginePolicy, EnginePolicy]) -> None:
    with pytest.raises(EngineError, match="3 branches at once; this engine takes up to 2"):
        pair[0].observe_each(np.zeros((3, 1, SIDE, SIDE, 3), np.uint8))


def test_more_frames_than_the_engine_takes_are_refused(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    with pytest.raises(EngineError, match=r"observe.engine cannot take frames of shape \(1, 3, 256, 256, 3\)"):
        engine.observe([Observation(np.zeros((1, 3, SIDE, SIDE, 3), np.uint8), None)])
    policy.close()
    assert machine.driver.live == 0


def test_a_chunk_is_one_launch_of_all_its_steps_and_one_wait(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    chunk(1, 4)(policy)  # captures
    before = engine.launches
    calls = len(machine.driver.calls)
    chunk(1, 4, seed=2)(policy)
    one = Launches(observe_graphs=1, denoise_graphs=1, steps=4, enqueued=0, waits=1)
    assert _since(before, engine.launches) == one
    made = machine.driver.calls[calls:]
    assert made == [
        "cudaSetDevice",
        "cudaMemcpyAsync",
        "cudaGraphLaunch",
        "cudaSetDevice",
        "cudaMemcpyAsync",
        "cudaGraphLaunch",
        "cudaMemcpyAsync",
        "cudaStreamSynchronize",
    ]
    policy.close()


def test_a_graph_holds_as_many_executions_as_there_are_steps(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    observed = policy.observe(frames(1))
    for steps in (1, 3, 16):
        before = engine.launches
        policy.denoise(observed, noise(), steps)
        policy.denoise(observed, noise(), steps)
        assert _since(before, engine.launches) == Launches(0, 2, 2 * steps, enqueued=1 + steps, waits=3)
    policy.close()


def _since(before: Launches, now: Launches) -> Launches:
    names = Launches.__slots__
    return Launches(**{name: getattr(now, name) - getattr(before, name) for name in names})


def test_graphs_are_bounded_in_number_and_made_again(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    first = chunk(1, 1)(policy)
    counts = []
    for steps in range(2, MOST_GRAPHS + 4):
        chunk(1, steps)(policy)
        counts.append(machine.driver.live)
    assert counts[-1] == counts[-2] == counts[-3]
    before = engine.launches
    assert np.array_equal(chunk(1, 1)(policy), first)
    assert _since(before, engine.launches).enqueued == 2
    policy.close()
    assert machine.driver.live == 0


def test_a_graph_that_runs_is_not_freed_for_another(
    pair: tuple[EnginePolicy, EnginePolicy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ngrt.inference.tensorrt.engine.MOST_GRAPHS", 1)
    for _ in range(2):  # the second look is of another shape than the first
        assert_same(pair, chunk(2, 3, guidance=1.5))


def test_an_engine_is_used_by_another_thread_than_opened_it(machine: Machine, onnx: Path, engines: Path) -> None:
    policy, _ = machine.open(engines)
    chunk()(policy)
    made: list[Array] = []

    def work() -> None:
        made.append(chunk(1, 3, seed=2)(policy))
        policy.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert np.abs(made[0] - chunk(1, 3, seed=2)(open_policy(onnx, threads=1))).max() < 1e-5
    assert machine.driver.live == 0


def test_closing_frees_all_and_may_be_done_twice(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines, timed=True)
    observed = policy.observe(frames(2), 1.5)
    policy.denoise(observed, noise(), 3)
    assert machine.driver.live > 0
    for _ in range(2):
        policy.close()
        assert machine.driver.live == 0
    with pytest.raises(EngineError, match="this engine was closed"):
        engine.context_of(observed.encoded)
    with pytest.raises(EngineError, match="this engine was closed"):
        policy.observe(frames(1))
    del policy, engine, observed
    gc.collect()
    assert not list(machine.trt.alive)


def test_nothing_is_measured_unless_it_is_asked_for(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    chunk()(policy)
    assert engine.times is None
    assert not [name for name in machine.driver.calls if "Event" in name]
    policy.close()


def test_the_stages_of_a_chunk_are_timed_on_the_device(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines, timed=True)
    for _ in range(3):
        chunk(2, 3, guidance=1.5)(policy)
        times = engine.times
        assert times is not None
        # the stand-in's clock counts events: a stage is one tick, and guidance has two looks
        assert (times.h2d, times.observe, times.denoise, times.d2h) == (3, 2, 1, 1)
        assert times.enqueue > 0
    events = machine.driver.calls.count("cudaEventCreateWithFlags")
    assert events == 14  # seven stages, two each; used again by each chunk
    policy.close()
    assert machine.driver.live == 0


def test_its_name_says_what_runs_where(machine: Machine, engines: Path) -> None:
    policy, engine = machine.open(engines)
    assert engine.name == f"TensorRT for RTX {VERSION}, NVIDIA GeForce RTX 4090"
    policy.close()


def test_tensorrt_itself_runs_by_the_same_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, onnx: Path) -> None:
    machine = pretend(monkeypatch, tmp_path / "cache", "tensorrt")
    policy, engine = machine.open(engines_of(onnx, tmp_path / "engines", "tensorrt"))
    assert engine.name == f"TensorRT {VERSION}, NVIDIA GeForce RTX 4090"
    for guidance in (1.0, 1.5):
        assert_same((policy, open_policy(onnx, threads=1)), chunk(2, 3, guidance))
    policy.close()
    assert machine.driver.live == 0
    assert machine.driver.wrongs == []
    assert not (tmp_path / "cache").exists()


def test_bundles_of_engines_are_opened_like_any_other(machine: Machine, onnx: Path, engines: Path) -> None:
    policy = open_policy(engines)
    assert isinstance(policy.engine, TensorRtEngine)
    found = policy.predict(frames(2), noise())
    assert np.abs(found.actions - open_policy(onnx, threads=1).predict(frames(2), noise()).actions).max() < 1e-5
    policy.close()


def test_kernels_are_compiled_once_for_each_shape_and_kept_for_the_next_start(machine: Machine, engines: Path) -> None:
    for expected in (3, 3):  # two looks of different shapes, and the steps; then nothing more
        policy, _ = machine.open(engines)
        chunk(2, 3, guidance=1.5)(policy)
        chunk(2, 5, guidance=1.5)(policy)
        policy.close()
        assert len(machine.trt.compiled) == expected


def test_a_damaged_cache_of_kernels_is_no_more_than_none(machine: Machine, engines: Path, tmp_path: Path) -> None:
    policy, _ = machine.open(engines)
    chunk()(policy)
    policy.close()
    files = sorted((tmp_path / "cache" / "ngrt").iterdir())
    assert [file.suffix for file in files] == [".kernels", ".kernels"]
    good = [file.read_bytes() for file in files]
    for file in files:
        file.write_bytes(b"\xff not it")
    policy, _ = machine.open(engines)
    chunk()(policy)
    policy.close()
    assert [file.read_bytes() for file in files] == good
    assert len(machine.trt.compiled) == 4


def test_a_cache_that_cannot_be_written_does_not_matter(
    machine: Machine, engines: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "file"))
    policy, _ = machine.open(engines)
    chunk()(policy)
    policy.close()


def refusal(call: Callable[[], object], kind: type[NgrtError] = BundleError) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


OPTIONS = "--target tensorrt-rtx --compute-capability {} --precision fp32 --context-frames 2 --out DIR"
REBUILD = f"ngrt export tiny-context-cfg.pt {OPTIONS}"


def test_an_engine_of_another_version_is_refused_with_the_command_that_rebuilds_it(
    machine: Machine, onnx: Path, tmp_path: Path
) -> None:
    folder = engines_of(onnx, tmp_path / "engines", version="1.6.0.1")
    text = refusal(lambda: machine.open(folder))
    assert f"built by tensorrt_rtx 1.6.0.1, and {VERSION} is installed" in text
    assert text.endswith(REBUILD.format(89))
    assert machine.driver.live == 0


def test_an_engine_for_another_gpu_is_refused_with_the_command_that_rebuilds_it(
    machine: Machine, engines: Path
) -> None:
    machine.driver.capability, machine.driver.gpu = (12, 0), "NVIDIA GeForce RTX 5090"
    text = refusal(lambda: machine.open(engines))
    assert "built for compute capability 8.9, and this NVIDIA GeForce RTX 5090 has 12.0" in text
    assert text.endswith(REBUILD.format(120))
    assert machine.driver.live == 0


@pytest.mark.parametrize(
    ("precision", "capability", "options"),
    [
        ("fp8", "12.0", "--target tensorrt-rtx --compute-capability 120 --precision fp8"),
        ("fp8", "8.6", "--target tensorrt-rtx --compute-capability 86 --precision fp16"),
        ("bf16", "7.5", "--target tensorrt-rtx --compute-capability 75 --precision fp16"),
        ("fp16", "9.0", "--target tensorrt --compute-capability 90 --precision fp16"),
    ],
)
def test_the_command_asks_for_nothing_that_the_gpu_or_the_edition_has_not(
    engines: Path, precision: Precision, capability: str, options: str
) -> None:
    manifest = read_manifest(engines).model_copy(update={"precision": precision})
    assert options in rebuild(manifest, capability)


def test_the_capabilities_of_the_edition_are_those_of_the_installed_library() -> None:
    names = (name for name in vars(tensorrt_rtx.ComputeCapability) if name.startswith("SM"))
    assert {f"{name[2:-1]}.{name[-1]}" for name in names} == OF_RTX


def test_a_file_that_the_library_cannot_read_is_refused_with_its_reason(
    machine: Machine, onnx: Path, tmp_path: Path
) -> None:
    folder = engines_of(onnx, tmp_path / "engines")
    (folder / "denoise.engine").write_bytes(b"damaged")
    manifest = read_manifest(folder)
    broken = manifest.graphs["denoise"].model_copy(update={"sha256": sha256_of(folder / "denoise.engine")})
    rewrite(folder, manifest.model_copy(update={"graphs": manifest.graphs | {"denoise": broken}}))
    text = refusal(lambda: machine.open(folder))
    assert "denoise.engine: TensorRT for RTX" in text
    assert "(the plan has no magic tag)" in text
    assert text.endswith(REBUILD.format(89))
    assert machine.driver.live == 0


def test_a_file_that_was_changed_is_refused(machine: Machine, onnx: Path, tmp_path: Path) -> None:
    folder = engines_of(onnx, tmp_path / "engines")
    with (folder / "observe.engine").open("ab") as file:
        file.write(b"x")
    assert "observe.engine was changed" in refusal(lambda: machine.open(folder))
    assert machine.driver.live == 0


def test_engines_that_do_not_fit_each_other_are_refused(
    machine: Machine, onnx: Path, unaligned: Path, tmp_path: Path
) -> None:
    folder, other = engines_of(onnx, tmp_path / "engines"), engines_of(unaligned, tmp_path / "half")
    (folder / "denoise.engine").write_bytes((other / "denoise.engine").read_bytes())
    manifest = read_manifest(folder)
    graphs = manifest.graphs | {"denoise": read_manifest(other).graphs["denoise"]}
    rewrite(folder, manifest.model_copy(update={"graphs": graphs}))
    assert "key_0 of denoise.engine is HALF, not FLOAT; export it again" in refusal(lambda: machine.open(folder))
    assert machine.driver.live == 0


def test_engines_that_do_not_fit_the_policy_are_refused_and_freed(machine: Machine, onnx: Path, tmp_path: Path) -> None:
    folder = engines_of(onnx, tmp_path / "engines")
    manifest = read_manifest(folder)
    rewrite(folder, manifest.model_copy(update={"policy": manifest.policy.model_copy(update={"cross_layers": 3})}))
    assert "outputs of observe" in refusal(lambda: open_policy(folder))
    assert machine.driver.live == 0


@pytest.mark.parametrize("status", [Errors.cudaErrorNoDevice, Errors.cudaErrorInsufficientDriver])
def test_a_machine_without_a_gpu_is_told_to_use_an_onnx_bundle(machine: Machine, engines: Path, status: object) -> None:
    machine.driver.count = status, None
    text = refusal(lambda: machine.open(engines))
    assert "needs an NVIDIA GPU" in text
    assert f"({status.name}: " in text  # type: ignore[attr-defined]
    assert text.endswith("on this machine use an onnx bundle: ngrt export CHECKPOINT --out DIR")


def test_this_machine_is_told_so_too_if_it_has_no_gpu(engines: Path) -> None:
    status, count = real_runtime.cudaGetDeviceCount()
    if int(status) == 0 and count:
        pytest.skip("this machine has an NVIDIA GPU")
    assert "needs an NVIDIA GPU" in refusal(lambda: open_policy(engines))


@pytest.mark.parametrize(
    ("module", "target", "extra"),
    [
        ("tensorrt_rtx", "tensorrt-rtx", "tensorrt-rtx"),
        ("tensorrt", "tensorrt", "tensorrt"),
        ("cuda.bindings.runtime", "tensorrt-rtx", "tensorrt-rtx"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(
    machine: Machine,
    onnx: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    target: Target,
    extra: str,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    folder = engines_of(onnx, tmp_path / "engines", target)
    assert refusal(lambda: machine.open(folder), MissingExtraError).endswith(f"'ngrt[{extra}]'")


def test_an_engine_that_cannot_be_captured_is_refused(machine: Machine, engines: Path) -> None:
    machine.trt.capturable = False
    policy, _ = machine.open(engines)
    text = refusal(lambda: policy.observe(frames(1)), EngineError)
    assert "observe.engine cannot be captured in a CUDA graph" in text
    policy.close()
    assert machine.driver.live == 0


def test_a_capture_that_fails_is_ended_and_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, onnx: Path
) -> None:
    machine = pretend(monkeypatch, tmp_path / "cache", "tensorrt")  # it cannot be asked before
    policy, _ = machine.open(engines_of(onnx, tmp_path / "engines", "tensorrt"))
    machine.trt.capturable = False
    assert "observe.engine cannot run" in refusal(lambda: policy.observe(frames(1)), EngineError)
    machine.trt.capturable = True
    assert_same((policy, open_policy(onnx, threads=1)), chunk())
    policy.close()
    assert (machine.driver.live, machine.driver.wrongs) == (0, [])


def test_cuda_errors_are_named_in_one_line(machine: Machine, engines: Path) -> None:
    policy, _ = machine.open(engines)
    machine.driver.fail = len(machine.driver.calls) + 2, MEMORY
    text = refusal(lambda: policy.observe(frames(1)), EngineError)
    assert text == "the GPU failed in cudaMalloc (cudaErrorMemoryAllocation: out of memory); free memory on the GPU"
    policy.close()


def test_whichever_call_fails_nothing_is_left_behind(machine: Machine, engines: Path) -> None:
    def session() -> None:
        policy = None
        try:
            policy, _ = machine.open(engines, timed=True)
            chunk(2, 2, guidance=1.5)(policy)
        finally:
            if policy is not None:
                policy.close()

    session()
    calls = list(machine.driver.calls)
    for number, name in enumerate(calls, 1):
        machine.driver.calls.clear()
        machine.driver.fail = number, Errors.cudaErrorLaunchFailure
        if number < len(calls) - 1:  # closing, at the end, tells of nothing
            assert f"the GPU failed in {name} (cudaErrorLaunchFailure" in refusal(session, EngineError)
        else:
            session()
        assert machine.driver.live == 0, f"call {number}, {name}"


def test_the_library_takes_the_same_calls(machine: Machine, engines: Path) -> None:
    """The stand-in has held each against the signature; here the real functions convert the arguments themselves."""
    status, count = real_runtime.cudaGetDeviceCount()
    if int(status) == 0 and count:
        pytest.skip("this machine has an NVIDIA GPU: these handles are none of its own")
    policy, _ = machine.open(engines, timed=True)
    chunk(2, 2, guidance=1.5)(policy)
    policy.close()
    made = dict(machine.driver.made)
    assert len(made) >= 20
    for name, arguments in made.items():
        status, *_ = getattr(real_runtime, name)(*arguments)
        assert name == "cudaGetErrorString" or int(status) != 0
