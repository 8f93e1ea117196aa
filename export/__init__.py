"""From a NitroGen checkpoint to a verified engine bundle. Needs the `export` extra (torch, onnx, onnxscript)."""
