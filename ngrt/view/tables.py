"""Tables of results for standard output."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from ngrt.messages import Chunk
from ngrt.policy.bundle import Gate, Manifest, Precision
from ngrt.text import printable


def facts_table(title: str, facts: Iterable[tuple[str, str]]) -> Table:
    """Return a two-column table of names and values."""
    table = Table(title=Text(printable(title)), title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(printable(value)))
    return table


def chunk_table(chunk: Chunk) -> Table:
    """Return a table with a line for each row of the chunk: sticks and pressed buttons."""
    table = Table("row", "left x, y", "right x, y", "buttons", title=f"{chunk.horizon} actions", title_justify="left")
    for row in range(chunk.horizon):
        state = chunk.pad(row)
        table.add_row(str(row), _stick(state.left), _stick(state.right), " ".join(sorted(state.buttons)) or "-")
    return table


def bundle_table(folder: Path, manifest: Manifest) -> RenderableType:
    """Return tables that describe an engine bundle: its policy, graphs, parity and origin."""
    policy, parity, origin = manifest.policy, manifest.parity, manifest.checkpoint
    layout = " (old layout)" if policy.old_layout else ""
    tools = ", ".join(f"{tool} {version}" for tool, version in manifest.tools.items())
    games = f"{len(policy.games)} names" if policy.games else ("names unknown" if policy.game_token else "no")
    facts = [
        ("precision, target", ", ".join([manifest.precision, manifest.target, *_for(manifest)])),
        ("checkpoint", f"{origin.file}, SHA-256 {origin.sha256[:16]}…"),
        ("parameters", f"{origin.parameters:,} in {origin.tensors} tensors"),
        ("actions", f"{policy.action_horizon} rows of {policy.action_dim}{layout}"),
        ("denoise steps", f"{policy.steps} unless chosen"),
        ("frames", f"{policy.context_frames} of {policy.image_size} x {policy.image_size}"),
        ("games", games),
        (f"parity{PARITY_OF.get(manifest.precision, '')}",
                   f"context {parity.context:.1e}, actions {parity.actions:.1e} (limit {parity.actions_limit:.0e}), "
                   f"buttons {parity.buttons_agree:.2%} over {parity.chunks} chunks"),
        *gate_facts(manifest.gate),
        ("built", f"{manifest.created} with {tools}"),
    ]  # fmt: skip
    if manifest.notice:
        facts.append(("notice", manifest.notice))
    graphs = Table("graph", "MB", "inputs", "outputs", title="graphs", title_justify="left")
    for name, graph in manifest.graphs.items():
        size = sum((folder / part.file).stat().st_size for part in (graph, *graph.data))
        graphs.add_row(name, f"{size / 1e6:.1f}", str(len(graph.inputs)), str(len(graph.outputs)))
    return Group(facts_table(f"engine bundle {manifest.name}", facts), graphs)


PARITY_OF: dict[Precision, str] = {"int8": " of fp32", "fp8": " of fp16"}
"""For lossy engines: the graphs that were compared with the checkpoint instead."""


def _for(manifest: Manifest) -> list[str]:
    return [f"compute capability {', '.join(manifest.capabilities)}"] if manifest.capabilities else []


def gate_facts(gate: Gate | None) -> list[tuple[str, str]]:
    """Return how near a lossy engine is to the fp32 graphs; nothing for other engines."""
    if gate is None:
        return []
    measured = (
        f"{gate.buttons_agree:.2%} of buttons agree (at least {gate.buttons_least:.0%}), sticks are off by "
        f"{gate.stick_error:.4f} (at most {gate.stick_limit:g}) over {gate.chunks} chunks of {gate.steps} steps, "
        f"frames: {gate.frames}"
    )
    return [("gate", f"FAILED, written by force: {gate.failure}" if gate.failure else measured)]


def checkpoint_table(name: str, facts: Mapping[str, str], parts: Mapping[str, int]) -> RenderableType:
    """Return tables that describe a checkpoint: its facts, and the parameters of each part."""
    table = Table("part", Column("parameters", justify="right"), title="parts", title_justify="left")
    for part, count in parts.items():
        table.add_row(part, f"{count:,}")
    return Group(facts_table(f"checkpoint {name}", facts.items()), table)


def _stick(at: tuple[float, float]) -> str:
    return f"{at[0]:+.2f} {at[1]:+.2f}"
