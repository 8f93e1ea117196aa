"""ONNX Runtime, on the processor and on a GPU."""

from ngrt.usage import mute_onnxruntime

mute_onnxruntime()
