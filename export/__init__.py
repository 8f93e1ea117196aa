"""From a NitroGen checkpoint to a verified engine bundle. Needs the `export` extra (torch, onnx, onnxscript)."""

import ngrt  # noqa: F401  (first of all: it lets no library report its use)
