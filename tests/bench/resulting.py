"""Synthetic results, as ``ngrt bench --json`` writes them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.schema.content import SCHEMA_VERSION
from bench.schema.distribution import Distribution
from bench.schema.reader import Results, parse

COMMITTED = sorted((Path(__file__).parents[2] / "bench" / "results").glob("*.json"))
RELEASED = 493_631_513


def times(median: float, count: int = 40, spread: float = 0.01, seed: int = 0) -> dict[str, Any]:
    """Return a distribution of lognormal times as it stands in a file."""
    return of(median * np.exp(spread * np.random.default_rng(seed).standard_normal(count)))


def of(samples: Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    found = Distribution.of([float(sample) for sample in samples])
    return {"samples": list(found.samples), "p50": found.p50, "p90": found.p90, "p99": found.p99, "max": found.max}


def engine(precision: str, seconds: float, backend: str = "cpu", **more: Any) -> dict[str, Any]:
    """Return an engine of the chunk suite whose chunk takes about ``seconds``."""
    return {
        "name": f"{precision}-{backend}",
        "precision": precision,
        "backend": backend,
        "seconds": times(seconds),
        "observe": times(seconds / 2),
        "denoise": times(seconds / 2 / 16, 16 * 40),
        "ratios": {"fp32": 4.0 / seconds},
        "difference": 0.01,
        "roofline": roofline(16, seconds),
        **more,
    }


def roofline(steps: int, seconds: float) -> dict[str, Any]:
    """Return what the chunk suite says of an engine's limit."""
    graphs = [graph("observe", 190, 0.4, seconds / 2), graph("denoise", 3.4, 0.1, seconds / 2 / steps)]
    limit = graphs[0]["limit_seconds"] + steps * graphs[1]["limit_seconds"]
    return {
        "peaks": {"peak_gbytes": 20.0, "peak_gflops": {"int8": 2_000.0, "fp32": 200.0}, "cache_bytes": 10**7},
        "graphs": graphs,
        "steps": steps,
        "gflop": 240.0,
        "limit_seconds": limit,
        "share": limit / seconds,
    }


def graph(name: str, gflop: float, gbytes: float, measured: float) -> dict[str, Any]:
    arithmetic, memory = gflop / 2_000, gbytes / 20
    return {
        "graph": name,
        "gflop": {"int8": 0.95 * gflop, "fp32": 0.05 * gflop},
        "gbytes": gbytes,
        "arithmetic_seconds": arithmetic,
        "memory_seconds": memory,
        "limit_seconds": max(arithmetic, memory),
        "bound": "arithmetic" if arithmetic > memory else "memory",
        "measured": measured,
        "share": max(arithmetic, memory) / measured,
    }


def stages_of(precision: str, backend: str, factor: float) -> dict[str, Any]:
    """Return an engine of the stages suite, ``factor`` times as slow as another."""
    return {
        "name": precision,
        "precision": precision,
        "backend": backend,
        "preprocess": times(0.002),
        "observe": times(0.1 * factor),
        "denoise": times(0.1 * factor),
        "steps": [times(0.006 * factor, seed=step) for step in range(16)],
        "decode": times(0.0001),
        "total": times(0.2 * factor),
    }


def cell(precision: str, steps: int, seconds: float) -> dict[str, Any]:
    """Return an engine of the sweep suite with a number of steps, each of which takes about ``seconds``."""
    return {
        "engine": f"{precision} engine",
        "precision": precision,
        "backend": "cpu",
        "steps": steps,
        "seconds": times(0.1 + steps * seconds),
        "stick_error": 0.1 / steps,
        "buttons_agree": 1 - 0.05 / steps,
        "difference": 0.2 / steps,
    }


def suites() -> dict[str, Any]:
    """Return what the suites found that measure engines."""
    baselines = {"fp32": times(4.0, spread=0.02), "bf16": times(1.6, spread=0.02)}
    engines = [engine("int8", 0.2), engine("bf16", 0.35, "openvino")]
    cells = [
        cell(precision, steps, seconds)
        for precision, seconds in (("int8", 0.01), ("fp32", 0.03))
        for steps in (2, 4, 8, 16)
    ]
    cpu = {"name": "int8-cpu", "precision": "int8", "backend": "cpu"}
    return {
        "chunk": {"steps": 16, "threads": 2, "baselines": baselines, "engines": engines},
        "stages": {"steps": 16, "engines": [stages_of("int8", "cpu", 1.0), stages_of("bf16", "openvino", 1.7)]},
        "sweep": {"cells": cells},
        "startup": {"threads": 2, "engines": [{**cpu, "whole": times(1.9, 3), "load": times(1.5, 3)}]},
        "memory": {"threads": 2, "engines": [{**cpu, "peak_bytes": 800_000_000}]},
    }


def content() -> dict[str, Any]:
    """Return a file with every suite in it that measures engines."""
    return {
        "schema": SCHEMA_VERSION,
        "provenance": {
            "taken": "2026-11-27T00:00:00+00:00",
            "machine": "A Processor, Linux x86_64",
            "cores": 2,
            "load": 0.1,
            "python": "3.11.7",
            "versions": {"ngrt": "0.1.0", "numpy": "2.4.6"},
        },
        "settings": {"threads": 2, "delays": [0, 1, 2], "episodes": None},
        "engines": [{"name": "int8-cpu", "precision": "int8", "target": "onnx", "parameters": RELEASED}],
        "suites": suites(),
        "not_run": {"loop": "takes most of an hour; ask for it by name"},
    }


def made(raw: dict[str, Any] | None = None, name: str = "made.json") -> Results:
    """Return ``raw``, or `content`, as it is read."""
    return parse(json.dumps(raw or content()), name)


def written(folder: Path, raw: Any, name: str = "result.json") -> Path:
    file = folder / name
    file.write_text(raw if isinstance(raw, str) else json.dumps(raw), "utf-8")
    return file
