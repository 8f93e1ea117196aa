"""The probe for processors whose int8 products overflow."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from ngrt.errors import BundleError
from ngrt.inference.onnx import cpu
from ngrt.inference.onnx.saturation import PROBE, saturates
from ngrt.inference.open import open_policy

from .bundles import graph_of, put


def probe() -> bytes:
    """Return what the file with the probe holds."""
    # without the bias, ONNX Runtime 1.23 looks for the zero point behind the inputs' end, and aborts
    outputs = {"with_zero_points": ["x", "w0", "scale", "zero"], "without": ["x", "w1", "scale", "", "bias"]}
    weights = np.full((64, 16), 127, np.int8)
    zeros = np.zeros(16, np.int8)
    tensors: dict[str, np.ndarray[Any, Any]] = {"w0": weights, "w1": weights, "zero": zeros}
    tensors |= {"scale": np.ones(16, np.float32), "bias": np.zeros(16, np.float32)}
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("DynamicQuantizeMatMul", inputs, [output], domain="com.microsoft")
            for output, inputs in outputs.items()
        ],
        "saturation",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 64])],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 16]) for name in outputs],
        [onnx.numpy_helper.from_array(tensor, name) for name, tensor in tensors.items()],
    )
    operators = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=operators, ir_version=10)
    return bytes(model.SerializeToString())


def test_the_probe_is_what_it_says() -> None:
    assert PROBE.read_bytes() == probe()


def test_a_processor_that_cuts_sums_off_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cutting:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, names: None, feed: dict[str, object]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
            return [np.full((1, 16), 32 * 32767, np.float32)]  # pairs cut off at 16 bits

    saturates.cache_clear()
    try:
        monkeypatch.setattr(ort, "InferenceSession", Cutting)
        assert saturates()
    finally:
        saturates.cache_clear()


def test_each_int8_product_has_a_zero_point_of_its_own(int8_bundle: Path) -> None:
    """ONNX Runtime below 1.30 ignores the flag without one, and no version takes one that two products share."""
    for name in ("observe", "denoise"):
        graph = onnx.load(int8_bundle / f"{name}.onnx").graph
        products = [node for node in graph.node if node.op_type == "DynamicQuantizeMatMul"]
        points = [node.input[3] for node in products]
        assert len(products) > 10
        assert len(set(points) & {tensor.name for tensor in graph.initializer}) == len(products)


def test_what_is_probed_is_the_operator_of_int8_bundles(int8_bundle: Path) -> None:
    (probed,) = {node.op_type for node in onnx.load(PROBE).graph.node}
    assert probed in {node.op_type for node in onnx.load(int8_bundle / "denoise.onnx").graph.node}


def test_a_bundle_without_zero_points_is_refused_where_it_cannot_be_right(
    int8_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Path(shutil.copytree(int8_bundle, tmp_path / "old"))
    graph = graph_of(old, "denoise")
    for node in graph.graph.node:
        if node.op_type == "DynamicQuantizeMatMul":
            node.input[3] = ""
    put(old, "denoise", graph)
    monkeypatch.setattr(cpu, "saturates", lambda *, precise=False, zero_points=True: not (precise and zero_points))
    with pytest.raises(BundleError, match=r"int8 products of .*denoise\.onnx wrongly .*pip install -U onnxruntime"):
        open_policy(old, threads=1)
    open_policy(int8_bundle, threads=1).close()


def test_precise_products_are_asked_for_where_fast_ones_overflow(
    int8_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, noise = np.full((256, 256, 3), 90, np.uint8), np.zeros((18, 25), np.float32)
    usual = open_policy(int8_bundle, threads=1).predict([frame], noise).actions
    monkeypatch.setattr(cpu, "saturates", lambda *, precise=False, zero_points=True: not precise)
    precise = open_policy(int8_bundle, threads=1)
    assert np.abs(precise.predict([frame], noise).actions - usual).max() < 1e-4
