"""What the parts of a result are called: the one place to adjust when a suite changes its names."""

from collections.abc import Mapping, Sequence

OTHER_TITLES = {
    "pads": "from a pad update to the game's event, in a virtual machine",
    "load": "from a fresh process to the first chunk",
}
"""Of suites that stand in results and that `ngrt bench` does not measure, or no longer."""

PARTS = {
    "baseline": "reference's way, fp32",
    "baselines": "reference's way",
    "engines": "",
    "cells": "",
    "sizes": "",
    "observe": "observe",
    "frame_to_chunk": "frame to chunk, model excepted",
    "opencv": "OpenCV",
    "alone": "ngrt",
    "helped": "ngrt, two threads",
    "tick": "tick, row to pad state",
    "load": "load, hashes checked",
    "first_chunk": "first chunk after loading",
    "late": "lateness",
    "idle": "ngrt, idle",
    "idle_naive": "asyncio.sleep(dt), idle",
    "loaded": "ngrt, engine flat out",
    "loaded_naive": "asyncio.sleep(dt), engine flat out",
    "product": "a lone matrix product",
    "rates": "",
    "deliver": "deliver to the game",
    "gflop": "GFLOP",
    "gbytes": "GB",
    "peak_gflops": "peak GFLOP/s",
    "peak_gbytes": "peak GB/s",
}
"""Parts of a path whose words are not the name itself; those without words go unsaid."""

OF_SUITES = {
    ("chunk", "denoise"): "denoise, one step",
    ("chunk", "seconds"): "a chunk",
    ("sweep", "seconds"): "a chunk",
}
"""Parts that mean something of their own in one suite."""

IDENTITY = (
    "engine",
    "precision",
    "backend",
    "size",
    "graph",
    "stage",
    "mode",
    "noise",
    "beta",
    "execute",
    "delay",
    "steps",
    "threads",
    "horizon",
    "context_frames",
    "rate",
)
"""What tells the items of a list apart, in the order in which it is said."""

NESTED = ("setting", "merging")
"""Parts of an item that tell it apart as well."""

NUMBERED = {"steps": "{} steps", "threads": "{} threads", "horizon": "{} rows", "context_frames": "{} frames",
            "rate": "{} Hz", "delay": "d = {}", "beta": "beta {}", "execute": "{} executed"}  # fmt: skip
"""How identities that are numbers are said."""

CONDITIONS = ("steps", "threads", "rate", "seconds", "engine", "precision", "backend", "horizon", "context_frames")
"""Plain values inside suites that say how something was measured."""

NOT_OURS = frozenset(("baselines", "opencv", "product", "naive", "idle_naive", "loaded_naive"))
"""Parts that are measured only to compare with: nobody is to blame where they are slower."""

LONGEST = 60
"""Characters of a label; what a file calls itself can be longer."""


def label(item: Mapping[str, object], *, named: bool = False) -> str:
    """Return what tells ``item`` apart from the others of its list; empty if nothing does. ``named``: with its name."""
    said = [name] if named and isinstance(name := item.get("name"), str) else []
    for source in (item, *_nested(item)):
        for key in IDENTITY:
            value = source.get(key)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                text = NUMBERED.get(key, "{}").format(value)
                said += [text] if text not in said else []
    return short(", ".join(said))


def _nested(item: Mapping[str, object]) -> list[Mapping[str, object]]:
    inner = [value for key in NESTED if isinstance(value := item.get(key), Mapping)]
    return [found for part in inner for found in (part, *_nested(part))]


def short(text: str, most: int = LONGEST) -> str:
    """Return ``text`` no longer than ``most``, the end cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def words(path: Sequence[str], suite: str = "") -> str:
    """Return a path inside ``suite`` in words; items of lists stand in brackets in it."""
    said: list[str] = []
    own = {} if any(part.endswith("calls") for part in path) else OF_SUITES
    for part in path:
        if part.startswith("[") and part[1:-1].isdecimal() and said and said[-1]:
            said[-1] = f"{said[-1].removesuffix('s')} {part[1:-1]}"
        else:
            said.append(own.get((suite, part), PARTS.get(part, part.strip("[]").replace("_", " "))))
    return short(", ".join(part for part in said if part)) or (path[-1] if path else "-")


def dotted(path: Sequence[str]) -> str:
    """Return a path as budgets write it, but for the labels of items."""
    return ".".join(path).replace(".[", "[")
