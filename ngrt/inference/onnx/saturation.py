"""Whether this processor computes int8 products wrongly when it computes them fast."""

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime as ort

PROBE = Path(__file__).with_name("saturation.onnx")
"""x (1, 64) uint8 times 64 x 16 times 127: ``tests/inference/test_saturation.py`` has what it is made of."""


@cache
def saturates() -> bool:
    """Return whether sums of uint8 x int8 products overflow here.

    Processors without VNNI add two such products in 16 bits and cut off what does not fit. ONNX Runtime leaves it at
    that unless it is asked for precision, which costs half the speed.
    """
    session = ort.InferenceSession(PROBE, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.full((1, 64), 255, np.uint8)})
    return bool((np.asarray(found) != 255 * 127 * 64).any())
