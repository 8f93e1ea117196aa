"""How the tests build the small checkpoint's TensorRT engines."""

from pathlib import Path

import tensorrt_rtx

from export.run import export_checkpoint
from export.toolkit import EDITIONS, Toolkit
from ngrt.policy.bundle import Manifest

from .conftest import Variant


def build_small(small: Variant, out: Path, **options: object) -> Manifest:
    chosen = {"precision": "fp32", "target": "tensorrt-rtx", "capabilities": ["8.9"]} | options
    return export_checkpoint(str(small.path), out, **chosen)  # type: ignore[arg-type]


def rtx(capability: str, target: str = "tensorrt-rtx") -> Toolkit:
    return Toolkit(EDITIONS[target], tensorrt_rtx, (capability,), None)  # type: ignore[index]
