"""The probe for processors whose int8 products overflow."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from ngrt.inference.onnx import cpu
from ngrt.inference.onnx.saturation import PROBE, saturates
from ngrt.inference.open import open_policy


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


def test_precise_products_are_asked_for_where_fast_ones_overflow(
    int8_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, noise = np.full((256, 256, 3), 90, np.uint8), np.zeros((18, 25), np.float32)
    usual = open_policy(int8_bundle, threads=1).predict([frame], noise).actions
    monkeypatch.setattr(cpu, "saturates", lambda: True)
    precise = open_policy(int8_bundle, threads=1)
    assert np.abs(precise.predict([frame], noise).actions - usual).max() < 1e-4
