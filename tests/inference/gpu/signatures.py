"""Calls held against the libraries' own signatures: cuda-python's by `inspect`, TensorRT's by its bindings' texts."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]


def check_cuda(runtime: Any, name: str, arguments: Arguments, keywords: Keywords) -> None:
    """Check a call of one of cuda-python's functions.

    :raises TypeError: it would not take these
    """
    function = getattr(runtime, name, None)
    if not callable(function):
        raise TypeError(f"cuda-python has no {name}")
    signature = _signature(function)
    for parameter, value in signature.bind(*arguments, **keywords).arguments.items():
        kind = signature.parameters[parameter].annotation
        if isinstance(kind, str) and not isinstance(value, getattr(runtime, kind)):
            raise TypeError(f"{name}: {parameter} is {value!r}, not a {kind}")


@cache
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


def check_bound(real: type, name: str, arguments: Arguments, keywords: Keywords, standins: Mapping[str, type]) -> None:
    """Check a call of a method of a class that pybind11 bound; ``standins`` are those of its other classes, by name.

    :raises TypeError: no overload takes these
    """
    refusals = []
    for signature in overloads(real, name):
        try:
            bound = signature.bind(*arguments, **keywords)
            for parameter, value in bound.arguments.items():
                _check_type(parameter, str(signature.parameters[parameter].annotation), value, standins)
        except TypeError as error:
            refusals.append(str(error))
        else:
            return
    raise TypeError(f"{real.__name__}.{name}{arguments}{dict(keywords)}: {'; '.join(refusals) or 'there is none'}")


@cache
def overloads(real: type, name: str) -> Sequence[inspect.Signature]:
    """Return the signatures of a bound method, without self, as its text gives them."""
    text = getattr(real, name).__doc__ or ""
    found = re.findall(rf"^(?:\d+\. )?{name}\(self: [\w.:]+(?:, )?(.*)\) -> .+$", text, re.MULTILINE)
    return [inspect.Signature([_parameter(part) for part in _parts(inside)]) for inside in found]


def _parts(inside: str) -> list[str]:
    """Split a list of parameters at its outer commas."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(inside):
        depth += (letter in "[(<") - (letter in "])>")
        if letter == "," and depth == 0:
            parts.append(inside[start:place])
            start = place + 1
    return [part.strip() for part in [*parts, inside[start:]] if part.strip()]


def _parameter(part: str) -> inspect.Parameter:
    name, kind, default = re.fullmatch(r"(\w+): ([^=]+?)(?: = (.+))?", part).groups()  # type: ignore[union-attr]
    value = inspect.Parameter.empty if default is None else default
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=value, annotation=kind)


SIMPLE: Mapping[str, Callable[[Any], Any]] = {
    "typing.SupportsInt": index,
    "typing_extensions.Buffer": memoryview,
}
PLAIN = {"str": str, "tuple": tuple, "list": list, "bool": bool}


def _check_type(parameter: str, kind: str, value: Any, standins: Mapping[str, type]) -> None:
    if kind in SIMPLE:
        SIMPLE[kind](value)
        return
    wanted = PLAIN.get(kind) or standins[kind.replace("::", ".").rsplit(".", 1)[-1]]
    if not isinstance(value, wanted):
        raise TypeError(f"{parameter} is {type(value).__name__}, not {kind}")
