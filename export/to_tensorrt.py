"""Build TensorRT engines from the observe and denoise graphs. One code path for both editions (`export.toolkit`).

Networks are strongly typed: the graph decides the precision. Engines of TensorRT for RTX were built by this code on a
machine without a GPU; TensorRT itself has not been imported so far, and no engine was run.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.build_watch import BuildProgress, monitor_of
from export.toolkit import Toolkit
from ngrt.errors import ExportError, SettingsError
from ngrt.files import write_whole
from ngrt.inference.cache import cache_folder
from ngrt.inference.tensorrt.edition import logger_of
from ngrt.policy.bundle import Graph, GraphName, Tensor, sha256_of
from ngrt.policy.contents import GraphFiles

MOST_BRANCHES = 2
"""Largest batch (B) of an engine: two, for classifier-free guidance."""

ENGINES: tuple[GraphName, ...] = ("observe", "denoise")
"""Graphs that become engines. The schedule runs only once for a number of steps, in float32, and stays ONNX."""

POLL = 0.1
"""Seconds between two reports of a build's progress."""

Report = Callable[[float], None]
"""Called with the share of a build that is done, 0 to 1."""


@dataclass(frozen=True)
class BuildRequest:
    """What to build: the graph, its folder, the most frames of a context, and the file for kernel timings, if any."""

    graph: Graph
    folder: Path
    context_frames: int
    timings: Path | None = None


def build_engine(toolkit: Toolkit, request: BuildRequest, report: Report) -> Graph:
    """Write the engine of a graph beside it; return its entry in the manifest. The graph's own files are removed.

    It is built in a thread of its own. This thread reports the progress, and stops the build if ``report`` or an
    interrupt raises.

    :raises ExportError: the library cannot build it
    """
    progress = BuildProgress()
    path = (request.folder / request.graph.file).with_suffix(".engine")
    with ThreadPoolExecutor(1, thread_name_prefix="ngrt-build") as pool:
        work = pool.submit(_build, toolkit, request, path, progress)
        try:
            _follow(work, progress, report)
        except BaseException:
            progress.stop()
            raise
    work.result()
    for part in (request.graph, *request.graph.data):
        (request.folder / part.file).unlink()
    return request.graph.model_copy(update={"file": path.name, "sha256": sha256_of(path), "data": ()})


def timings_file(toolkit: Toolkit) -> Path | None:
    """Return the file in the user's cache that keeps kernel timings; None for an edition that takes no timings."""
    if not toolkit.edition.timed:
        return None
    return cache_folder() / f"tensorrt-{toolkit.version}-{toolkit.capabilities[0]}.timings"


def _follow(work: Future[None], progress: BuildProgress, report: Report) -> None:
    reported = 0
    while not wait([work], POLL).done:
        if (tenths := int(progress.share * 10)) > reported:
            report(tenths / 10)
            reported = tenths


def _build(toolkit: Toolkit, request: BuildRequest, path: Path, progress: BuildProgress) -> None:
    trt = toolkit.trt
    logger, messages = logger_of(trt)
    messages.take()
    with GraphFiles(request.folder, request.graph) as files:
        files.check_graph()
    try:
        builder = trt.Builder(logger)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, logger)
        if not parser.parse_from_file(str(request.folder / request.graph.file)):
            raise _refusal(toolkit, request, "take", parser.get_error(0).desc() if parser.num_errors else "")
        config = _config(toolkit, request, builder)
        monitor = config.progress_monitor = monitor_of(trt, progress)  # the library does not keep it alive
        plan = builder.build_serialized_network(network, config)
    except (RuntimeError, TypeError, ValueError) as error:  # the bindings turn the library's own exceptions into these
        raise _refusal(toolkit, request, "build", str(error)) from error
    del monitor
    if plan is None:
        raise _refusal(toolkit, request, "build", messages.take())
    with path.open("wb") as file:
        file.write(plan)
    if request.timings is not None:
        _keep_timings(config, request.timings)


def _config(toolkit: Toolkit, request: BuildRequest, builder: Any) -> Any:
    trt = toolkit.trt
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # else products in fp32 keep ten bits of each factor
    profile = builder.create_optimization_profile()
    for tensor in request.graph.inputs:
        if any(isinstance(size, str) for size in tensor.shape):
            profile.set_shape(tensor.name, *(_shape(tensor, which, request.context_frames) for which in range(3)))
    config.add_optimization_profile(profile)
    if not toolkit.edition.timed:
        # the engine allocates no memory as it runs: only then can it be captured (release notes of version 1.2)
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
        config.num_compute_capabilities = len(toolkit.capabilities)
        for index, capability in enumerate(toolkit.capabilities):
            member = getattr(trt.ComputeCapability, f"SM{capability.replace('.', '')}")
            config.set_compute_capability(member, index)
    if request.timings is not None:
        known = request.timings.read_bytes() if request.timings.is_file() else b""
        cache = config.create_timing_cache(known)
        if cache is None or not config.set_timing_cache(cache, False):  # damaged, or another version's
            config.set_timing_cache(config.create_timing_cache(b""), False)
    return config


def _shape(tensor: Tensor, which: int, context_frames: int) -> list[int]:
    """Return the smallest, usual or largest shape (``which`` 0, 1, 2) of an input: B 1, 1, 2; F 1, all, all."""
    ranges = {"B": (1, 1, MOST_BRANCHES), "F": (1, context_frames, context_frames)}
    return [ranges[size][which] if isinstance(size, str) else size for size in tensor.shape]


def _keep_timings(config: Any, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, bytes(config.get_timing_cache().serialize()))
    except (OSError, SettingsError):
        return  # without them the next build only takes longer


def _refusal(toolkit: Toolkit, request: BuildRequest, verb: str, reason: str) -> ExportError:
    return ExportError(
        (
            f"{toolkit.edition.module} {toolkit.version} cannot {verb} {request.graph.file} for "
            f"compute capability {', '.join(toolkit.capabilities)} ({' '.join(reason.split())})"
        ),
        remedy="choose another --precision or --compute-capability, or --target onnx",
    )
