"""Every backend there could be: which of them were measured, and why the others were not."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, get_args

from ngrt.inference.runners import RUNNERS
from ngrt.policy.bundle import Backend

RUNS_ELSEWHERE = "here, but no engine that was given ran on it; name one with --engine, or the backend with --backend"


def unused_backends(results: Iterable[object]) -> dict[str, str]:
    """Return why each backend that none of ``results`` speaks of was not measured, by a name for people."""
    used = {backend for result in results for backend in _mentioned(result)}
    backends: tuple[Backend, ...] = get_args(Backend)
    return {f"backend {backend}": _why_not(backend) for backend in backends if backend not in used}


def _mentioned(result: object) -> Iterator[str]:
    parts: list[Any] = [*getattr(result, "engines", ()), *getattr(result, "cells", ())]
    return (part.backend for part in parts)


def _why_not(backend: Backend) -> str:
    if backend == "openvino" and find_spec("openvino") is None:
        return "openvino is not installed: pip install 'ngrt[openvino]'"
    if backend in {"cuda", "tensorrt"} and (reason := RUNNERS[backend].lacking()):
        return reason
    if backend == "tensorrt" and not any(map(find_spec, ("tensorrt", "tensorrt_rtx"))):
        return "neither tensorrt nor tensorrt-rtx is installed: pip install 'ngrt[tensorrt]' or 'ngrt[tensorrt-rtx]'"
    return RUNS_ELSEWHERE
