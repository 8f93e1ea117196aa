"""Classes that stand in for a library's: they take what those take, and have what those have."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import tensorrt_rtx as real

from .signatures import check_bound

MIRRORED: dict[str, type] = {name: thing for name, thing in vars(real).items() if isinstance(thing, type)}
"""The module's classes, and in their place what stands in for them."""


def mirrors(bound: type) -> Callable[[type], type]:
    """Return a decorator that holds each call of a class's public methods against those of ``bound``."""

    def decorate(made: type) -> type:
        MIRRORED[bound.__name__] = made
        for name, member in vars(made).copy().items():
            if name.startswith("_"):
                continue
            assert hasattr(bound, name), f"{bound.__name__} has no {name}"
            if not isinstance(member, property):
                setattr(made, name, _checked(bound, name, member))
        return made

    return decorate


def _checked(bound: type, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        check_bound(bound, name, arguments, keywords, MIRRORED)
        return method(self, *arguments, **keywords)

    return call
