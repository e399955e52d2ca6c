"""Walk an ONNX file as plain protobuf: is it a graph, and is all of it inside this file?

Reads tags and lengths only. Bounded in depth and in fields; a length that leaves its message is an error.
Field numbers: onnx.proto3 (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Bytes = bytes | mmap.mmap

_MAX_FIELDS = 5_000_000
_MAX_DEPTH = 64
_MAX_NAME_CHARS = 80
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_GRAPH, _NODE, _INPUT, _OUTPUT, _NAME, _EXTERNAL, _LOCATION = 7, 1, 11, 12, 8, 13, 14

# message → field number → the message it holds; what is not named holds no tensor and is stepped over
_HOLDS: Mapping[str, Mapping[int, str]] = {
    "model": {_GRAPH: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {_NODE: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}


class NotAGraph(Exception):
    """The bytes are not an ONNX model."""


class OutsideData(Exception):
    """A tensor's data lies in another file; the message is the tensor's name."""


def check(content: Bytes) -> None:
    """Raise NotAGraph or OutsideData unless this is one whole ONNX model."""
    walk = _Walk(content)
    top = {number for number, *_ in walk.fields(0, len(content))}
    graphs = [(start, end) for number, _, start, end in walk.fields(0, len(content)) if number == _GRAPH]
    if 1 not in top or len(graphs) != 1:
        raise NotAGraph("it has no version or no graph")
    inside = {number for number, *_ in walk.fields(*graphs[0])}
    if not {_NODE, _OUTPUT} <= inside:
        raise NotAGraph("the graph has no step or no output")
    walk.into("model", 0, len(content), 0)


@dataclass(frozen=True, slots=True)
class Output:
    """What a graph gives. sizes None: not said; a size None: known at run time.  element: a TensorProto.DataType."""

    name: str
    is_tensor: bool = True  # also where nothing is said
    element: int = 0
    sizes: tuple[int | None, ...] | None = None


def outputs(content: Bytes) -> list[Output]:
    """The outputs of a checked model, in the graph's order. Raises NotAGraph."""
    walk = _Walk(content)
    (graph,) = walk.below(_GRAPH, 0, len(content))
    return [_output(walk, *place) for place in walk.below(_OUTPUT, *graph)]


def _output(walk: "_Walk", start: int, end: int) -> Output:
    """ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto."""
    name = "".join(walk.text(*place) for place in walk.below(1, start, end))
    for kind in walk.below(2, start, end):
        for tensor in walk.below(1, *kind):
            element = next(iter(walk.numbers(1, *tensor)), 0)
            for shape in walk.below(2, *tensor):
                sizes = tuple(next(iter(walk.numbers(1, *size)), None) for size in walk.below(1, *shape))
                return Output(name, element=element, sizes=sizes)
            return Output(name, element=element)
        return Output(name, is_tensor=not any(True for _ in walk.fields(*kind)))
    return Output(name)


class _Walk:
    """One pass over the bytes; counts the fields it has seen."""

    def __init__(self, content: Bytes) -> None:
        self._content, self._seen = content, 0

    def into(self, kind: str, start: int, end: int, depth: int) -> None:
        """Visit every message below that may hold a tensor."""
        if depth > _MAX_DEPTH:
            raise NotAGraph(f"it is nested deeper than {_MAX_DEPTH}")
        if kind == "tensor":
            self._check_tensor(start, end)
            return
        for number, wire, first, last in self.fields(start, end):
            below = _HOLDS[kind].get(number)
            if below and wire == _BYTES:
                self.into(below, first, last, depth + 1)

    def _check_tensor(self, start: int, end: int) -> None:
        name, outside = "", False
        for number, wire, first, last in self.fields(start, end):
            if number == _NAME and wire == _BYTES:
                name = self.text(first, last)
            outside = outside or number == _EXTERNAL or (number == _LOCATION and self._varint(first, end)[0] != 0)
        if outside:
            raise OutsideData(repr(name))

    def below(self, wanted: int, start: int, end: int) -> list[tuple[int, int]]:
        """Where the messages or texts under one field number lie."""
        return [(first, last) for n, wire, first, last in self.fields(start, end) if (n, wire) == (wanted, _BYTES)]

    def numbers(self, wanted: int, start: int, end: int) -> list[int]:
        """The whole numbers under one field number."""
        found = [first for n, wire, first, _ in self.fields(start, end) if (n, wire) == (wanted, _VARINT)]
        return [self._varint(first, end)[0] for first in found]

    def text(self, start: int, end: int) -> str:
        """A name, as far as one reads it."""
        return bytes(self._content[start : min(end, start + _MAX_NAME_CHARS)]).decode("utf-8", "replace")

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(field number, wire type, start, end) of each field of a message."""
        at = start
        while at < end:
            self._seen += 1
            if self._seen > _MAX_FIELDS:
                raise NotAGraph(f"it has more than {_MAX_FIELDS} fields")
            tag, at = self._varint(at, end)
            number, wire = tag >> 3, tag & 7
            first, at = self._value(wire, at, end)
            if number == 0 or at > end:
                raise NotAGraph(f"a field at byte {first} leaves its message")
            yield number, wire, first, at

    def _value(self, wire: int, at: int, end: int) -> tuple[int, int]:
        """Where a value starts and ends."""
        match wire:
            case 0:
                return at, self._varint(at, end)[1]
            case 1:
                return at, at + 8
            case 2:
                length, first = self._varint(at, end)
                return first, first + length
            case 5:
                return at, at + 4
        raise NotAGraph(f"unknown wire type {wire} at byte {at}")

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if at >= end:
                break
            byte = self._content[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise NotAGraph(f"a number at byte {at} does not end")
