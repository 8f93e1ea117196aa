"""The probe for processors whose int8 products overflow."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from ngrt.inference.onnx import cpu
from ngrt.inference.onnx.saturation import PROBE, saturates
from ngrt.inference.open import open_policy


def probe() -> bytes:
    """Return what the file with the probe holds."""
    weight = onnx.numpy_helper.from_array(np.full((64, 16), 127, np.int8), "w")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "saturation",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 64])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [1, 16])],
        [weight],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def test_the_probe_is_what_it_says() -> None:
    assert PROBE.read_bytes() == probe()


def test_a_processor_that_cuts_sums_off_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cutting:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, names: None, feed: dict[str, object]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
            return [np.full((1, 16), 32 * 32767, np.int32)]  # pairs cut off at 16 bits

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
