"""The shape and element type of every tensor of an ONNX graph, its free dimensions given sizes.

Shape inference of `onnx` knows the operators of its own standard; those of ONNX Runtime, which quantized graphs
are full of, have their rules here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.inliner
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

Shape = tuple[int, ...]
KEPT = 256
"""Elements of an initializer up to which its values are kept: targets of Reshape and the like, which make shapes."""


@dataclass(frozen=True, slots=True)
class Known:
    """A tensor's shape and ONNX element type."""

    shape: Shape
    type: int

    @property
    def bytes(self) -> int:
        """Its size in memory."""
        return _elements(self.shape) * bits(self.type) // 8


@dataclass(frozen=True, slots=True)
class Shaped:
    """A graph without its weights: nodes in order, all tensors that are ``known``, ``weights`` among them."""

    nodes: tuple[NodeProto, ...]
    known: Mapping[str, Known]
    weights: Mapping[str, Known]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read(path: Path, sizes: Mapping[str, int]) -> Shaped:
    """Return the graph at ``path``, its dimensions called as in ``sizes`` set; files of weights are not opened."""
    model = onnx.load(path, load_external_data=False)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    inputs = tuple(value.name for value in model.graph.input)
    weights = _without_weights(model.graph)
    _set_sizes(model.graph, sizes)
    known = _inferred(model)
    outputs = tuple(value.name for value in model.graph.output)
    return Shaped(tuple(model.graph.node), known | weights, weights, inputs, outputs)


def attribute(node: NodeProto, name: str, default: int) -> int:
    """Return a whole number that ``node`` says."""
    return next((int(found.i) for found in node.attribute if found.name == name), default)


def multiplied(a: Shape, b: Shape, turn_a: bool = False, turn_b: bool = False) -> Shape:
    """Return the shape of the product of two stacks of matrices."""
    a, b = (part[:-2] + part[:-3:-1] if turn else part for part, turn in ((a, turn_a), (b, turn_b)))
    if len(b) == 1:
        return a[:-1]
    head, other = a[:-2], b[:-2]
    longer = max(len(head), len(other))
    pairs = zip((1,) * (longer - len(head)) + head, (1,) * (longer - len(other)) + other, strict=True)
    return (*map(max, pairs), *a[-2:-1], b[-1])


def bits(kind: int) -> int:
    """Return how many bits an element of an ONNX type takes."""
    if kind in {TensorProto.INT4, TensorProto.UINT4}:
        return 4
    return 8 * int(onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize)


def _without_weights(graph: GraphProto) -> dict[str, Known]:
    """Turn initializers into inputs, but for small ones; return all of them."""
    weights = {tensor.name: Known(tuple(tensor.dims), tensor.data_type) for tensor in graph.initializer}
    kept = [tensor for tensor in graph.initializer if _elements(tensor.dims) <= KEPT]
    large = [tensor for tensor in graph.initializer if _elements(tensor.dims) > KEPT]
    given = {value.name for value in graph.input}
    graph.input.extend(_value(tensor.name, weights[tensor.name]) for tensor in large if tensor.name not in given)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return weights


def _set_sizes(graph: GraphProto, sizes: Mapping[str, int]) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    # what else has a name, such as 256*F, is inferred anew
    settled = [value for value in graph.value_info if _known(value) is not None]
    del graph.value_info[:]
    graph.value_info.extend(settled)


def _inferred(model: ModelProto) -> dict[str, Known]:
    """Return all that can be known, the standard's rules and those below taking turns until nothing is new."""
    while True:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        graph = model.graph
        found = {value.name: _known(value) for value in (*graph.input, *graph.output, *graph.value_info)}
        known = {name: value for name, value in found.items() if value is not None}
        known |= {tensor.name: Known(tuple(tensor.dims), tensor.data_type) for tensor in graph.initializer}
        before = len(known)
        for node in graph.node:
            _apply(node, known, graph)
        if len(known) == before:
            return known


def _apply(node: NodeProto, known: dict[str, Known], graph: GraphProto) -> None:
    rule = RULES.get(node.op_type)
    if rule is None or node.output[0] in known or any(name and name not in known for name in node.input):
        return
    shape, typed_as = rule(node, [known[name].shape if name else () for name in node.input])
    value = Known(shape, known[node.input[typed_as]].type)
    known[node.output[0]] = value
    graph.value_info.append(_value(node.output[0], value))


Rule = Callable[[NodeProto, Sequence[Shape]], tuple[Shape, int]]
"""From a node and its inputs' shapes to the first output's, and the number of the input whose type it has."""


def _attention(node: NodeProto, shapes: Sequence[Shape]) -> tuple[Shape, int]:
    query = shapes[0]
    if len(query) == 5:  # (batch, length, heads, 3, width): queries, keys and values packed
        return (*query[:2], query[2] * query[4]), 0
    value = shapes[2] if len(shapes) > 2 and shapes[2] else query
    return (*query[:2], value[1] * value[3] if len(value) == 4 else value[2]), 0


def _own_projection(node: NodeProto, shapes: Sequence[Shape]) -> tuple[Shape, int]:
    return (*shapes[0][:2], shapes[1][1] // 3), 0 if node.op_type == "Attention" else 3


def _turned(node: NodeProto, a: Shape, b: Shape) -> Shape:
    return multiplied(a, b, bool(attribute(node, "transA", 0)), bool(attribute(node, "transB", 0)))


def _same(node: NodeProto, shapes: Sequence[Shape]) -> tuple[Shape, int]:
    return shapes[0], 0


RULES: dict[str, Rule] = {
    "DynamicQuantizeMatMul": lambda node, shapes: (multiplied(shapes[0], shapes[1]), 0),
    "MatMulIntegerToFloat": lambda node, shapes: (multiplied(shapes[0], shapes[1]), 2),
    "FusedMatMul": lambda node, shapes: (_turned(node, shapes[0], shapes[1]), 0),
    "FusedGemm": lambda node, shapes: (_turned(node, shapes[0], shapes[1]), 0),
    "QGemm": lambda node, shapes: (_turned(node, shapes[0], shapes[3]), 1 if len(shapes) < 8 else 0),
    "MatMulNBits": lambda node, shapes: ((*shapes[0][:-1], attribute(node, "N", 0)), 0),
    "MultiHeadAttention": _attention,
    "Attention": _own_projection,
    "QAttention": _own_projection,
    **dict.fromkeys(("Gelu", "FastGelu", "QuickGelu", "BiasGelu", "QLinearSoftmax", "QLinearSigmoid"), _same),
    **dict.fromkeys(("SkipLayerNormalization", "QLinearAdd", "QLinearMul"), _same),
}
"""Operators of ONNX Runtime's own domain."""


def _known(value: ValueInfoProto) -> Known | None:
    kind = value.type.tensor_type
    if not kind.elem_type or not kind.HasField("shape"):
        return None
    dims = kind.shape.dim
    if not all(dim.HasField("dim_value") for dim in dims):
        return None
    return Known(tuple(dim.dim_value for dim in dims), kind.elem_type)


def _value(name: str, known: Known) -> ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, known.type, known.shape)


def _elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
