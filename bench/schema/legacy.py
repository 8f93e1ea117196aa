"""Result files of before this shape: what they say, said as it is said today."""

from collections.abc import Mapping
from typing import Any

MOVED = ("observe", "denoise", "difference", "share", "possible")
"""Of the chunk suite: what belonged to its one engine."""


def modern(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a file with several engines and baselines where it speaks of one; others as they are."""
    file = dict(raw)
    engine = file.pop("engine", None)
    file.setdefault("engines", engine if isinstance(engine, list) else [] if engine is None else [engine])
    suites = file.get("suites")
    if isinstance(suites, dict) and isinstance(chunk := suites.get("chunk"), dict) and "baseline" in chunk:
        file["suites"] = {**suites, "chunk": _chunk(chunk, engine if isinstance(engine, dict) else {})}
    return file


def _chunk(old: Mapping[str, Any], engine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chunk suite of the time when it compared one engine with one baseline."""
    new = {key: value for key, value in old.items() if key not in {*MOVED, "baseline", "engine", "ratio"}}
    one = {
        "name": engine.get("name", "engine"),
        "precision": engine.get("precision", "fp32"),
        "backend": "cpu",  # the only one there was
        "seconds": old.get("engine"),
        "ratios": {"fp32": old.get("ratio")},
        **{key: old[key] for key in MOVED if key in old},
    }
    if limit := _limit(old):
        one["roofline"] = {"limit_seconds": limit, "share": old.get("share")}
    return {**new, "baselines": {"fp32": old["baseline"]}, "engines": [one]}


def _limit(old: Mapping[str, Any]) -> float | None:
    """Return the seconds of a chunk at the rate of a lone product."""
    match old:
        case {"baseline": {"p50": float(baseline)}, "possible": float(possible)} if possible > 0:
            return baseline / possible
    return None
