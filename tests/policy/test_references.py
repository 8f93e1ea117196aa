"""Every name of a file that a graph has is found, wherever it is, and what is no graph is refused."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from ngrt.policy.references import DEEPEST, NotAGraphError, Outside, named_files
from ngrt.policy.shipped import arcade_engine


def outside(name: str = "w", **places: str) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in ({"location": "there"} | places).items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def graph(*initializers: TensorProto, nodes: tuple[onnx.NodeProto, ...] = ()) -> onnx.GraphProto:
    return helper.make_graph(nodes, "g", [], [], initializers)


def model(given: onnx.GraphProto) -> onnx.ModelProto:
    return helper.make_model(given)


def found(given: onnx.ModelProto) -> list[Outside]:
    return named_files(memoryview(given.SerializeToString()))


def in_attribute() -> onnx.ModelProto:
    return model(graph(nodes=(helper.make_node("Constant", [], ["y"], value=outside()),)))


def in_list_of_tensors() -> onnx.ModelProto:
    return model(graph(nodes=(helper.make_node("Odd", [], ["y"], values=[outside()]),)))


def in_inner_graph() -> onnx.ModelProto:
    return model(graph(nodes=(helper.make_node("If", ["c"], ["y"], then_branch=graph(outside())),)))


def in_list_of_graphs() -> onnx.ModelProto:
    return model(graph(nodes=(helper.make_node("Odd", [], ["y"], bodies=[graph(outside())]),)))


def in_sparse() -> onnx.ModelProto:
    made = graph()
    made.sparse_initializer.add().values.CopyFrom(outside())
    return model(made)


def in_indices_of_sparse() -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["y"])
    sparse = onnx.SparseTensorProto()
    sparse.indices.CopyFrom(outside())
    node.attribute.append(helper.make_attribute("sparse_value", sparse))
    return model(graph(nodes=(node,)))


def in_function() -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["y"], value=outside())
    function = helper.make_function("own", "f", [], ["y"], [node], [helper.make_opsetid("", 20)])
    return helper.make_model(graph(), functions=[function])


def in_default_of_function() -> onnx.ModelProto:
    function = helper.make_function("own", "f", [], [], [], [helper.make_opsetid("", 20)])
    function.attribute_proto.append(helper.make_attribute("value", outside()))
    return helper.make_model(graph(), functions=[function])


def in_training() -> onnx.ModelProto:
    made = model(graph())
    made.training_info.add().algorithm.CopyFrom(graph(outside()))
    return made


@pytest.mark.parametrize(
    "made",
    [
        lambda: model(graph(outside())),
        in_attribute,
        in_list_of_tensors,
        in_inner_graph,
        in_list_of_graphs,
        in_sparse,
        in_indices_of_sparse,
        in_function,
        in_default_of_function,
        in_training,
    ],
)
def test_a_name_is_found_wherever_a_tensor_can_be(made: Callable[[], onnx.ModelProto]) -> None:
    assert found(made()) == [Outside("there", 0)]


def test_every_message_that_leads_to_a_tensor_is_one_that_is_searched() -> None:
    """Of the installed onnx.proto, so that a field that a later version adds is noticed."""
    from ngrt.policy.references import MESSAGES

    kinds = {
        "model": "ModelProto",
        "training": "TrainingInfoProto",
        "graph": "GraphProto",
        "function": "FunctionProto",
        "node": "NodeProto",
        "attribute": "AttributeProto",
        "sparse": "SparseTensorProto",
        "tensor": "TensorProto",
        "file": "StringStringEntryProto",
    }
    names = {kind: name for name, kind in kinds.items()}
    for name, inner in MESSAGES.items():
        fields = getattr(onnx.onnx_ml_pb2, kinds[name]).DESCRIPTOR.fields
        known = {
            field.number: names[field.message_type.name]
            for field in fields
            if field.message_type is not None and field.message_type.name in names
        }
        harmless = {number for number, kind in known.items() if kind == "file" and inner.get(number) != "file"}
        assert {number: kind for number, kind in known.items() if number not in harmless} == inner


def test_where_a_tensor_ends_in_its_file_is_told() -> None:
    assert found(model(graph(outside(offset="4096", length="8")))) == [Outside("there", 4104)]


def test_the_engine_that_ships_names_no_file() -> None:
    for file in arcade_engine().glob("*.onnx"):
        assert named_files(memoryview(file.read_bytes())) == []


@pytest.mark.parametrize("number", ["-1", "1e3", "0x10", "", "9" * 19, "\u0661"])
def test_a_place_that_is_no_number_of_bytes_is_refused(number: str) -> None:
    with pytest.raises(NotAGraphError, match="number of bytes"):
        found(model(graph(outside(offset=number))))


def test_a_tensor_in_two_places_is_refused() -> None:
    """Of two locations one library might take the first and the other the last."""
    tensor = outside()
    tensor.external_data.add(key="location", value="elsewhere")
    with pytest.raises(NotAGraphError, match="two places"):
        found(model(graph(tensor)))


def test_of_a_value_that_comes_twice_the_last_counts_as_in_protobuf() -> None:
    twice = onnx.StringStringEntryProto(key="location", value="first").SerializeToString()
    twice += onnx.StringStringEntryProto(value="last").SerializeToString()
    entry = bytes([13 << 3 | 2, len(twice)]) + twice
    tensor = bytes([5 << 3 | 2, len(entry)]) + entry
    whole = bytes([7 << 3 | 2, len(tensor)]) + tensor
    assert onnx.load_from_string(whole).graph.initializer[0].external_data[0].value == "last"
    assert named_files(memoryview(whole)) == [Outside("last", 0)]


def test_graphs_inside_each_other_without_end_are_refused() -> None:
    content = b""
    for _ in range(DEEPEST):
        for number in (6, 5, 1):  # a graph in an attribute in a node
            content = bytes([number << 3 | 2]) + length(content) + content
    content = bytes([7 << 3 | 2]) + length(content) + content
    with pytest.raises(NotAGraphError, match="deep"):
        named_files(memoryview(content))


def length(content: bytes) -> bytes:
    count, encoded = len(content), b""
    while count > 127:
        encoded, count = encoded + bytes([count & 127 | 128]), count >> 7
    return encoded + bytes([count])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a graph",
        b"<net name='m' version='11'></net>",
        b"\0\0\0\0ORTM\0\0\0\0",
        bytes([7 << 3 | 2, 9, 0]),
        bytes([1 << 3 | 2, 0, 7 << 3 | 2, 0]),  # TensorFlow's graphs begin like this
        bytes([7 << 3 | 2, 0, 7 << 3 | 2, 0]),  # protobuf would make one of the two
        bytes([7 << 3 | 3]),
        b"\x80" * 11,
    ],
)
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(NotAGraphError):
        named_files(memoryview(content))


def test_a_graph_of_millions_of_empty_fields_is_refused_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ngrt.policy.references.MOST_FIELDS", 1000)
    inside = bytes([1 << 3 | 0, 0]) * 2000
    with pytest.raises(NotAGraphError, match="more than 1000 fields"):
        named_files(memoryview(bytes([7 << 3 | 2]) + length(inside) + inside))


@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_damaged_bytes_are_a_graph_or_refused_and_nothing_else(noise: bytes, seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(in_inner_graph().SerializeToString())
    for byte in noise[:8]:
        content[random.integers(len(content))] = byte
    for damaged in (bytes(content), noise):
        try:
            named_files(memoryview(damaged))
        except NotAGraphError:
            continue
