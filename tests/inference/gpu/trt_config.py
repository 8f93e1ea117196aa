"""What an execution context is made with, and the cache of what it compiles."""

import json
from typing import Any

import tensorrt_rtx as real

from .mirror import MIRRORED, mirrors
from .signatures import check_bound


class RuntimeConfig:
    """TensorRT's own knows only how memory is allocated."""

    strategy: Any = None

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        check_bound(real.IRuntimeConfig, "set_execution_context_allocation_strategy", (strategy,), {}, MIRRORED)
        self.strategy = strategy


@mirrors(real.IRuntimeCache)
class RuntimeCache:
    def __init__(self) -> None:
        self._known: set[str] = set()

    def deserialize(self, blob: Any) -> bool:
        try:
            self._known = set(json.loads(bytes(blob)))
        except ValueError:
            return False
        return True

    def serialize(self) -> Any:
        return memoryview(json.dumps(sorted(self._known)).encode())


class RtxRuntimeConfig(RuntimeConfig):
    """As TensorRT for RTX has it."""

    cache: RuntimeCache
    cached: bool

    def __init__(self) -> None:
        object.__setattr__(self, "cache", RuntimeCache())
        object.__setattr__(self, "cached", False)

    def __setattr__(self, name: str, value: Any) -> None:
        kinds = {
            "cuda_graph_strategy": real.CudaGraphStrategy,
            "dynamic_shapes_kernel_specialization_strategy": real.DynamicShapesKernelSpecializationStrategy,
        }
        if name in kinds:
            assert getattr(real.IRuntimeConfig, name).fset is not None
            assert isinstance(value, kinds[name])
        else:
            assert name == "strategy", name
        object.__setattr__(self, name, value)

    def create_runtime_cache(self) -> Any:
        check_bound(real.IRuntimeConfig, "create_runtime_cache", (), {}, MIRRORED)
        return self.cache

    def set_runtime_cache(self, cache: Any) -> bool:
        check_bound(real.IRuntimeConfig, "set_runtime_cache", (cache,), {}, MIRRORED)
        object.__setattr__(self, "cached", True)
        return True
