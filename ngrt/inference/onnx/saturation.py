"""Whether this processor computes int8 products wrongly when it computes them fast."""

from functools import cache
from pathlib import Path

import numpy as np

from ngrt.inference.onnx.library import ort

PROBE = Path(__file__).with_name("saturation.onnx")
"""x (1, 64) times 64 x 16 times 127, with the operator that int8 bundles use, once with a zero point of the weights
and once without: ``tests/inference/test_saturation.py`` has what it is made of."""

INT8_PRODUCT, ZERO_POINT = "DynamicQuantizeMatMul", 3
"""That operator, and the place of the weights' zero point among its inputs."""

PRECISE = "session.x64quantprecision"
"""Asks for precise products. Before ONNX Runtime 1.30 only those get them whose weights have a zero point."""


@cache
def saturates(*, precise: bool = False, zero_points: bool = True) -> bool:
    """Return whether sums of uint8 x int8 products overflow here, as the graphs of int8 bundles compute them.

    Processors without VNNI add two such products in 16 bits and cut off what does not fit. ONNX Runtime leaves it at
    that unless it is asked to be ``precise``, which costs half the speed. ``zero_points``: whether products have one.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    if precise:
        options.add_session_config_entry(PRECISE, "1")
    session = ort.InferenceSession(PROBE.read_bytes(), options, providers=["CPUExecutionProvider"])
    name = "with_zero_points" if zero_points else "without"
    (found,) = session.run([name], {"x": np.full((1, 64), 255, np.float32)})
    return bool((np.asarray(found) != 255 * 127 * 64).any())
