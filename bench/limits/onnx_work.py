"""Operations and bytes of one run of a graph, counted from its file.

Operations: two for each multiplication of a matrix product, attention's two products among them. Bytes: what no cache
can save a large graph, its weights as they are stored, its inputs and its outputs, each once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Literal

from onnx import NodeProto, TensorProto

from bench.limits.onnx_shapes import Known, Shape, Shaped, attribute, multiplied, read
from ngrt.errors import BundleError

Kind = Literal["float32", "float16", "bfloat16", "int8", "float8"]
"""What a product multiplies."""

KINDS: dict[int, Kind] = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "int8",
    TensorProto.FLOAT8E4M3FN: "float8",
}
HALVES: dict[str, Kind] = {"bf16": "bfloat16", "fp16": "float16"}
INTEGER = {"MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearMatMul", "QGemm", "ConvInteger"}
INTEGER |= {"QLinearConv", "QAttention"}


@dataclass(frozen=True, slots=True)
class Product:
    """``count`` products of (rows, inner) and (inner, columns) matrices."""

    kind: Kind
    count: int
    rows: int
    inner: int
    columns: int

    @property
    def operations(self) -> int:
        """A multiplication and an addition each."""
        return 2 * self.count * self.rows * self.inner * self.columns


@dataclass(frozen=True, slots=True)
class Work:
    """One run of a graph: operations and the largest product by kind, bytes of its weights, and ``passed`` in and out.

    Of a stack of products the ``largest`` is one of them.
    """

    operations: dict[Kind, int]
    largest: dict[Kind, Product]
    weights: int
    passed: int

    @classmethod
    def of(cls, products: Iterable[Product], weights: int, passed: int) -> "Work":
        """Return the work that ``products`` come to."""
        total: dict[Kind, int] = {}
        largest: dict[Kind, Product] = {}
        for product in products:
            kind, single = product.kind, replace(product, count=1)
            total[kind] = total.get(kind, 0) + product.operations
            largest[kind] = max(largest.get(kind, single), single, key=operations)
        return cls(total, largest, weights, passed)

    @property
    def bytes(self) -> int:
        """All that must be read or written."""
        return self.weights + self.passed

    def run_in(self, precision: str) -> "Work":
        """Return the same work for an engine that multiplies in ``precision`` what its graph has in float32."""
        kind = HALVES.get(precision)
        if kind is None or "float32" not in self.operations:
            return self
        count, largest = dict(self.operations), dict(self.largest)
        count[kind] = count.pop("float32") + count.get(kind, 0)
        largest[kind] = replace(largest.pop("float32"), kind=kind)
        return replace(self, operations=count, largest=largest)


def operations(product: Product) -> int:
    """Return those of ``product``."""
    return product.operations


def count_graph(path: Path, frames: int = 1) -> Work:
    """Return the work of one run of the graph at ``path`` for one branch and ``frames`` frames.

    :raises ngrt.errors.BundleError: the shape of a product cannot be told
    """
    graph = read(path, {"B": 1, "F": frames, "N": 1})
    made = {name: node for node in graph.nodes for name in node.output}
    products: list[Product] = []
    for node in graph.nodes:
        if find := FINDERS.get(node.op_type):
            try:
                products += find(node, graph, _kind(node, graph, made))
            except KeyError as error:
                raise BundleError(f"{path.name}: {node.op_type} {node.name}: shape of {error} is not known") from error
    passed = sum(graph.known[name].bytes for name in (*graph.inputs, *graph.outputs) if name not in graph.weights)
    return Work.of(products, _read_weights(graph), passed)


def _read_weights(graph: Shaped) -> int:
    """Return the bytes of all weights; of tables that rows are picked from, only the rows."""
    picked = {node.input[0]: node for node in graph.nodes if node.op_type == "Gather"}
    used = {name for node in graph.nodes for number, name in enumerate(node.input) if (node.op_type, number) != PICK}
    whole = sum(value.bytes for name, value in graph.weights.items() if name in used or name not in picked)
    rows = (graph.known[node.output[0]].bytes for name, node in picked.items() if name in graph.weights)
    return whole + sum(rows)


PICK = ("Gather", 0)


def _kind(node: NodeProto, graph: Shaped, made: dict[str, NodeProto]) -> Kind:
    if node.op_type in INTEGER:
        return "int8"
    sources = [made[name].op_type if name in made else "" for name in node.input[:2]]
    if sources == ["DequantizeLinear"] * 2:  # which an engine that can joins with the product
        before = graph.known[made[node.input[1]].input[0]]
        return KINDS.get(before.type, "float32")
    return KINDS.get(graph.known[node.input[0]].type, "float32")


Finder = Callable[[NodeProto, Shaped, Kind], list[Product]]


def _matrices(first: int, second: int) -> Finder:
    """Return what finds the product of inputs number ``first`` and ``second``."""

    def find(node: NodeProto, graph: Shaped, kind: Kind) -> list[Product]:
        turn_a, turn_b = bool(attribute(node, "transA", 0)), bool(attribute(node, "transB", 0))
        a, b = (graph.known[node.input[number]].shape for number in (first, second))
        return [_product(kind, a, b, turn_a, turn_b)]

    return find


def _product(kind: Kind, a: Shape, b: Shape, turn_a: bool = False, turn_b: bool = False) -> Product:
    inner = a[-2] if turn_a else a[-1]
    made = multiplied(a, b, turn_a, turn_b)
    if len(b) == 2:  # a stack of rows times one matrix is one product
        return Product(kind, 1, prod(made[:-1]), inner, made[-1])
    return Product(kind, prod(made[:-2]), made[-2], inner, made[-1])


def _narrow(node: NodeProto, graph: Shaped, kind: Kind) -> list[Product]:
    """Weights of a few bits; ``accuracy_level`` 4 multiplies in int8."""
    rows = prod(graph.known[node.input[0]].shape[:-1])
    own: Kind = "int8" if attribute(node, "accuracy_level", 0) == 4 else kind
    return [Product(own, 1, rows, attribute(node, "K", 0), attribute(node, "N", 0))]


def _convolution(node: NodeProto, graph: Shaped, kind: Kind) -> list[Product]:
    kernel = graph.known[node.input[3 if node.op_type == "QLinearConv" else 1]].shape
    made = graph.known[node.output[0]].shape
    return [Product(kind, 1, made[0] * prod(made[2:]), prod(kernel[1:]), made[1])]


def _attention(node: NodeProto, graph: Shaped, kind: Kind) -> list[Product]:
    """Queries on keys and shares on values, of inputs with or without an axis of heads."""
    query, key, value = (_flat(graph.known[name]) for name in _three(node))
    return [Product(kind, query[0], query[1], query[2], key[1]), Product(kind, query[0], query[1], key[1], value[2])]


def _three(node: NodeProto) -> list[str]:
    names = [*node.input[:3], "", ""][:3]
    return [name or names[0] for name in names]


def _flat(tensor: Known) -> Shape:
    """(B, n, width) from the same, from (B, heads, n, width) or from (B, n, heads, 3, width)."""
    shape = tensor.shape
    if len(shape) == 4:
        return shape[0], shape[2], shape[1] * shape[3]
    return (shape[0], shape[1], shape[2] * shape[4]) if len(shape) == 5 else shape


def _projecting(node: NodeProto, graph: Shaped, kind: Kind) -> list[Product]:
    """Attention that makes queries, keys and values itself; in ONNX's own domain it does not."""
    if node.domain != "com.microsoft":
        return _attention(node, graph, kind)
    x, weight = (graph.known[name].shape for name in node.input[:2])
    batch, length, width = x[0], x[1], weight[1] // 3
    whole = [Product("float32", batch, length, width, length), Product("float32", batch, length, length, width)]
    return [_product(kind, x, weight), *whole]


FINDERS: dict[str, Finder] = {
    **dict.fromkeys(("MatMul", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"), _matrices(0, 1)),
    **dict.fromkeys(("FusedMatMul", "Gemm", "FusedGemm"), _matrices(0, 1)),
    **dict.fromkeys(("QLinearMatMul", "QGemm"), _matrices(0, 3)),
    "MatMulNBits": _narrow,
    **dict.fromkeys(("Conv", "FusedConv", "ConvInteger", "QLinearConv"), _convolution),
    "MultiHeadAttention": _attention,
    **dict.fromkeys(("Attention", "QAttention"), _projecting),
}
