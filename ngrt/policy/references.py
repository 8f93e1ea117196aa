"""Which files an ONNX graph names, read from its bytes before any library parses it.

Libraries follow such a name wherever it leads: out of the folder, into a device, and one of them to an address in
memory. Only what is needed of protobuf's format is read here, no weights are copied, and what is not well formed is
refused. The fields are those of onnx.proto; those that libraries take as unknown are skipped, as libraries do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

DEEPEST = 100
"""Messages inside each other; protobuf's own limit for what it reads."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIDTHS = {FIXED64: 8, FIXED32: 4}

FILE = "file"
"""The message of one name and value of a tensor that lies outside (StringStringEntryProto)."""

MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: FILE},
}
"""The fields of each message that lead to a name of a file."""

MOST_FIELDS = 2_000_000
"""Of all messages together; a graph of the released size has a few ten thousand."""

MODEL_KINDS = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES, 14: BYTES}
"""What a model's own fields are: another format that is protobuf as well is no graph."""


class NotAGraphError(ValueError):
    """The bytes are not those of an ONNX graph, or one that is built like no other."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A tensor's place in a file: ``location`` its name, as the graph has it; ``end``: bytes of it that must exist."""

    location: str
    end: int


def named_files(content: memoryview) -> list[Outside]:
    """Return the places outside the graph where its tensors lie.

    :raises NotAGraphError: ``content`` is not an ONNX graph
    """
    kinds = [(number, kind) for number, kind, _ in _fields(content)]
    if any(MODEL_KINDS.get(number, kind) != kind for number, kind in kinds):
        raise NotAGraphError("it is in another format")
    if (graphs := kinds.count((7, BYTES))) != 1:
        raise NotAGraphError(f"it has {graphs} graphs")
    walk = _Walk()
    walk.into(content, "model", 0)
    return walk.found


def all_have(content: memoryview, operator: str, place: int) -> bool:
    """Return whether every node of ``operator`` has an input at ``place``; graphs inside the graph are not searched.

    :raises NotAGraphError: ``content`` is not an ONNX graph
    """
    for _, _, graph in (one for one in _fields(content) if one[:2] == (7, BYTES)):
        for _, _, node in (one for one in _fields(graph) if one[:2] == (1, BYTES)):
            parts = list(_fields(node))
            if any(number == 4 and bytes(value) == operator.encode() for number, _, value in parts):
                inputs = [value for number, _, value in parts if number == 1]
                if len(inputs) <= place or not len(inputs[place]):
                    return False
    return True


@dataclass(slots=True)
class _Walk:
    """A walk through all messages of a graph."""

    found: list[Outside] = field(default_factory=list)
    fields: int = 0

    def into(self, view: memoryview, message: str, depth: int) -> None:
        """Note the places that a message and all inside it name."""
        if depth > DEEPEST:
            raise NotAGraphError(f"it is more than {DEEPEST} messages deep")
        inner, place = MESSAGES[message], dict[str, str]()
        for number, kind, value in _fields(view):
            self.fields += 1
            if self.fields > MOST_FIELDS:
                raise NotAGraphError(f"it has more than {MOST_FIELDS} fields")
            if kind != BYTES or number not in inner:
                continue
            if inner[number] != FILE:
                self.into(value, inner[number], depth + 1)
                continue
            key, text = _entry(value)
            if key in place:
                raise NotAGraphError("a tensor is in two places")
            place[key] = text
        if place:
            end = sum(_size(place.get(key, "0")) for key in ("offset", "length"))
            self.found.append(Outside(place.get("location", ""), end))


def _size(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise NotAGraphError("a tensor's place in a file is not a number of bytes")
    return int(text)


def _entry(view: memoryview) -> tuple[str, str]:
    """Return the name and the value of an entry; where a field comes twice, the last counts, as in protobuf."""
    parts = {number: value for number, kind, value in _fields(view) if kind == BYTES}
    try:
        key, text = (bytes(parts.get(number, b"")).decode("utf-8") for number in (1, 2))
    except UnicodeDecodeError as error:
        raise NotAGraphError("a name in it is not text") from error
    return key, text


def _fields(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield number, kind and content of each field of a message; the content of those that are numbers is empty."""
    at, empty = 0, view[:0]
    while at < len(view):
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise NotAGraphError("a field has no number")
        if kind == VARINT:
            _, at = _varint(view, at)
            yield number, kind, empty
            continue
        if kind == BYTES:
            length, at = _varint(view, at)
        elif kind in WIDTHS:
            length = WIDTHS[kind]
        else:
            raise NotAGraphError("a field is of no kind that graphs have")
        if length > len(view) - at:
            raise NotAGraphError("it ends in the middle")
        yield number, kind, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise NotAGraphError("it ends in the middle")
        byte = view[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value & (2**64 - 1), at
    raise NotAGraphError("a number in it is too long")
