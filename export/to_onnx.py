"""Write the three graphs as ONNX files."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnxscript import ir
from torch import Tensor, nn

from export.config import Config
from export.graphs import Denoise, Observe, Schedule
from export.model import NitroGen
from export.products import Arithmetic
from ngrt.errors import ExportError
from ngrt.inference.onnx.saturation import INT8_PRODUCT, ZERO_POINT
from ngrt.policy.bundle import File, Graph, GraphName, Precision, sha256_of
from ngrt.policy.bundle import Tensor as Signature

KNOWN_TO_WORK = "install torch 2.13.0; if it is that one already, `ngrt --debug` shows what it refuses"

OPSET = 20
"""The first with GELU; ONNX Runtime, TensorRT and OpenVINO have read it for years."""

DATA_LIMIT = 64 * 2**20
"""Bytes of weights above which they go to a file of their own. ONNX Runtime maps that file instead of parsing it: the
released size loads in half the time and two thirds of the memory. Also, protobuf allows no more than 2 GB."""

BATCH = torch.export.Dim("B", min=1, max=1024)
STEPS = torch.export.Dim("N", min=1, max=1000)

Shapes = tuple[object, ...]


def write_graph(
    name: GraphName, model: NitroGen, precision: Precision, folder: Path, data_limit: int = DATA_LIMIT
) -> Graph:
    """Write one graph of ``model`` into ``folder`` and return its entry in the manifest.

    :raises ExportError: torch cannot turn the model into a graph
    """
    module, inputs, shapes, names = _PARTS[name](model, precision)
    path = folder / f"{name}.onnx"
    program = _trace(module, inputs, shapes, (names, _outputs(name, model.config)))
    size = sum(value.numel() * value.element_size() for value in (*module.parameters(), *module.buffers()))
    program.save(str(path), external_data=size > data_limit)
    return manifest_entry(path)


def manifest_entry(path: Path) -> Graph:
    """Return the manifest's entry for the graph at ``path``, with its file of weights if there is one."""
    beside = path.with_name(f"{path.name}.data")
    data = [File(file=file.name, sha256=sha256_of(file)) for file in [beside] if file.exists()]
    taken, given = signature(path)
    return Graph(file=path.name, sha256=sha256_of(path), data=tuple(data), inputs=taken, outputs=given)


def _trace(
    module: nn.Module, inputs: tuple[object, ...], shapes: Shapes, names: tuple[list[str], list[str]]
) -> torch.onnx.ONNXProgram:
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module.eval(),
                inputs,
                dynamo=True,
                opset_version=OPSET,
                input_names=names[0],
                output_names=names[1],
                dynamic_shapes=shapes,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(f"torch {torch.__version__} cannot write this model as ONNX", remedy=KNOWN_TO_WORK) from error
    if program is None:
        raise ExportError(f"torch {torch.__version__} made no ONNX graph", remedy=KNOWN_TO_WORK)
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # they name the exported code, with this machine's paths
    part_zero_points(program.model.graph)
    return program


def part_zero_points(graph: ir.Graph) -> None:
    """Give each int8 product a zero point of its own; the exporter keeps one tensor of all that are equal.

    ONNX Runtime changes that of a node in place, and refuses a graph in which another node has changed it before.
    """
    taken = set[str | None]()
    for node in graph.all_nodes():
        if node.op_type != INT8_PRODUCT:
            continue
        zero = node.inputs[ZERO_POINT]
        if zero is None or zero.const_value is None:
            raise ExportError(f"the int8 product {node.name} has no zero point", remedy="install torch 2.13.0")
        if zero.name in taken:
            name = f"{node.name}.zero_point"
            own = ir.Value(name=name, shape=zero.shape, type=zero.type)
            own.const_value = ir.tensor(zero.const_value.numpy().copy(), name=name)
            graph.initializers[name] = own
            node.replace_input_with(ZERO_POINT, own)
            zero = own
        taken.add(zero.name)


def signature(path: Path) -> tuple[tuple[Signature, ...], tuple[Signature, ...]]:
    """Return the inputs and outputs of the graph at ``path``."""
    graph = onnx.load(path, load_external_data=False).graph
    inputs, outputs = (tuple(_tensor(value) for value in values) for values in (graph.input, graph.output))
    return inputs, outputs


def _tensor(value: onnx.ValueInfoProto) -> Signature:
    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    return Signature(
        name=value.name, dtype=dtype, shape=tuple(dim.dim_param or dim.dim_value for dim in kind.shape.dim)
    )


def _outputs(name: GraphName, config: Config) -> list[str]:
    if name == "observe":
        return ["context", *_keys_values(config)]
    return ["modulations" if name == "schedule" else "next_x"]


def _keys_values(config: Config) -> list[str]:
    layers = range(len(config.model.diffusion_model_cfg.cross_layers))
    return [f"{part}_{layer}" for layer in layers for part in ("key", "value")]


Part = tuple[nn.Module, tuple[object, ...], Shapes, list[str]]
"""A module, inputs to trace it with, their dynamic shapes and their names."""


def _schedule(model: NitroGen, precision: Precision) -> Part:
    return Schedule(model), (torch.linspace(0, 900, 3),), ({0: STEPS},), ["timesteps"]


def _observe(model: NitroGen, precision: Precision) -> Part:
    side, tower = model.config.tower.image_size, model.config.tower.tokens
    fit = (model.config.tokenizer.max_sequence_length - (model.config.game_rows > 0)) // tower
    frames = torch.zeros(2, min(2, fit), side, side, 3, dtype=torch.uint8)
    dims: dict[int, object] = {0: BATCH} if fit == 1 else {0: BATCH, 1: torch.export.Dim("F", min=1, max=fit)}
    module = Observe(model, Arithmetic.of(precision))
    if model.config.game_rows == 0:
        return module, (frames,), (dims,), ["frames"]
    return module, (frames, torch.zeros(2, dtype=torch.int64)), (dims, {0: BATCH}), ["frames", "game"]


def _denoise(model: NitroGen, precision: Precision) -> Part:
    config, how = model.config.model, Arithmetic.of(precision)
    blocks, length = config.diffusion_model_cfg, model.config.tokenizer.max_sequence_length
    heads, width = blocks.num_attention_heads, blocks.attention_head_dim
    module = Denoise(model, how)
    x = torch.zeros(2, config.action_horizon, config.action_dim)
    modulations = (2 * blocks.num_layers + 3) * config.hidden_size
    names = ["x", "modulation", "dt", "remaining", "mix", "prior", "weights", "guidance", *_keys_values(model.config)]
    per_layer: list[Tensor] = []
    for _ in blocks.cross_layers:
        per_layer += [
            torch.zeros(2, heads, width, length, dtype=how.dtype),
            torch.zeros(2, heads, length, width, dtype=how.dtype),
        ]
    scalars = torch.ones(3)  # each input its own tensor: tracing merges inputs that share one
    dt, remaining, guidance = scalars[0].clone(), scalars[1].clone(), scalars[2].clone()
    prior, weights = x.clone(), x[..., :1].clone()
    inputs = (x, torch.zeros(modulations), dt, remaining, torch.eye(2), prior, weights, guidance, *per_layer)
    batch, none = {0: BATCH}, None
    shapes = (batch, none, none, none, {0: BATCH, 1: BATCH}, batch, batch, none, tuple(batch for _ in per_layer))
    return module, inputs, shapes, names


_PARTS = {"schedule": _schedule, "observe": _observe, "denoise": _denoise}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's own warnings and log."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
