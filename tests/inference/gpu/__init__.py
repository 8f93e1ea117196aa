"""A stand-in for CUDA's runtime and for TensorRT, in the host's memory; refuses what they refuse.

Each call is first held against the signature of the installed library's own function.
"""
