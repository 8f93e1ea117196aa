"""What this device can do at most, as measured: bytes a second from memory, operations a second in one product.

Peaks are the best of many samples, taken before, between and after what is held against them, since what else runs
can only make them worse.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto

from bench.limits.onnx_work import Kind, Product
from ngrt.inference.onnx.library import ort

Device = Literal["cpu", "openvino", "gpu"]
"""Whose products are measured: ONNX Runtime's on the CPU, OpenVINO's there, torch's on an NVIDIA GPU."""

STREAM_BYTES = 256 * 2**20
"""Of each array; eight times a large last-level cache."""

SECONDS = 0.3
"""Spent on each peak at least."""

REPEATS = 200
"""Products on a GPU between two waits for it, each of which takes longer than a product."""


_measures: dict[tuple[object, ...], Callable[[], float]] = {}
_bests: dict[tuple[object, ...], float] = {}


def bandwidth(device: Device, threads: int) -> float:
    """Return bytes a second: of reading one array, or of adding two into a third, whichever moves more."""
    return _best_of(
        ("bandwidth", device, threads), _gpu_bandwidth if device == "gpu" else lambda: _cpu_bandwidth(threads)
    )


def rate(device: Device, kind: Kind, product: Product, threads: int) -> float:
    """Return operations a second of ``product`` alone, its weights in memory as ``kind``.

    ONNX Runtime on the CPU computes in float32 whatever half precision it is given, so there that is the peak.

    :raises ModuleNotFoundError: what would run it is not installed
    """

    def measure() -> float:
        if device == "gpu":
            return _gpu_rate(kind, product)
        if kind == "int8":
            run = _onnx_product(_integer_model(product), product, np.uint8, threads)
        elif device == "openvino":
            run = _openvino_product(kind, product, threads)
        else:
            run = _onnx_product(_float_model(product), product, np.float32, threads)
        return product.operations / best(run)

    return _best_of((device, kind, product, threads), measure)


def measure_again() -> None:
    """Measure every peak that was asked for once more; from now on the better of all tries counts."""
    for key, measure in _measures.items():
        _bests[key] = max(_bests[key], measure())


def _best_of(key: tuple[object, ...], measure: Callable[[], float]) -> float:
    if key not in _bests:
        _bests[key] = measure()
        _measures[key] = measure
    return _bests[key]


def cache_bytes() -> int | None:
    """Return the size of the largest cache, None where the system does not tell."""
    sizes = [path.read_text("ascii").strip() for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
    units = {"K": 2**10, "M": 2**20}
    return max((int(size[:-1]) * units[size[-1]] for size in sizes if size[-1] in units), default=None)


def best(run: Callable[[], object], seconds: float = SECONDS) -> float:
    """Return the least seconds that ``run`` takes, of at least three runs after one that is not counted."""
    run()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _cpu_bandwidth(threads: int) -> float:
    a, b, c = (np.ones(STREAM_BYTES // 4, np.float32) for _ in range(3))
    parts = [slice(*ends) for ends in zip(*_ends(len(a), threads), strict=True)]

    def read(part: slice) -> None:
        a[part].max()

    def add(part: slice) -> None:
        np.add(a[part], b[part], out=c[part])

    with ThreadPoolExecutor(threads) as pool:  # numpy lets go of the interpreter's lock meanwhile
        reading = a.nbytes / best(lambda: list(pool.map(read, parts)))
        adding = 3 * a.nbytes / best(lambda: list(pool.map(add, parts)))
    return max(reading, adding)


def _ends(length: int, parts: int) -> tuple[list[int], list[int]]:
    edges = [length * part // parts for part in range(parts + 1)]
    return edges[:-1], edges[1:]


def _float_model(product: Product) -> onnx.ModelProto:
    weight = np.random.default_rng(0).standard_normal((product.inner, product.columns), np.float32)
    return _model("MatMul", product, TensorProto.FLOAT, TensorProto.FLOAT, weight)


def _integer_model(product: Product) -> onnx.ModelProto:
    weight = np.random.default_rng(0).integers(-127, 128, (product.inner, product.columns), np.int8)
    return _model("MatMulInteger", product, TensorProto.UINT8, TensorProto.INT32, weight)


def _model(operator: str, product: Product, taken: int, given: int, weight: Any) -> onnx.ModelProto:
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operator, ["x", "w"], ["y"])],
        "product",
        [onnx.helper.make_tensor_value_info("x", taken, [product.rows, product.inner])],
        [onnx.helper.make_tensor_value_info("y", given, [product.rows, product.columns])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)


def _onnx_product(model: onnx.ModelProto, product: Product, dtype: Any, threads: int) -> Callable[[], object]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.ones((product.rows, product.inner), dtype)
    return lambda: session.run(["y"], {"x": x})


def _openvino_product(kind: Kind, product: Product, threads: int) -> Callable[[], object]:
    from ngrt.inference.openvino import import_openvino

    hints = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
    settings = {"INFERENCE_PRECISION_HINT": hints[kind], "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    openvino = import_openvino()
    core = openvino.Core()
    model = core.read_model(_float_model(product).SerializeToString(), b"")
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(np.ones((product.rows, product.inner), np.float32)))
    return lambda: request.infer()


def _gpu_bandwidth() -> float:
    """Not run on a GPU so far."""
    import torch

    source = torch.ones(STREAM_BYTES, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    return 2 * source.numel() * 4 / best(copy)


def _gpu_rate(kind: Kind, product: Product) -> float:
    """Not run on a GPU so far. int8 and float8 are held against half precision, which torch multiplies."""
    import torch

    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(kind, torch.float16)
    x = torch.ones(product.rows, product.inner, dtype=dtype, device="cuda")
    weight = torch.ones(product.inner, product.columns, dtype=dtype, device="cuda")

    def run() -> None:
        for _ in range(REPEATS):
            torch.matmul(x, weight)
        torch.cuda.synchronize()

    return REPEATS * product.operations / best(run)
