"""Write an ONNX graph: just enough of the format to describe one, without an exporter.

Field numbers are those of the format's `onnx.proto`: Model, Graph, Node, Attribute, Tensor, ValueInfo.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MICROSOFT = "com.microsoft"  # onnxruntime's own operators
_ELEMENT_TYPES = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7}
_IR_VERSION, _OPSET, _MICROSOFT_OPSET = 8, 17, 1
_FLOAT, _INT = 1, 2
_VARINT, _BYTES, _FIXED32 = 0, 2, 5

Size = int | str  # a string names a size known only at run time


class Graph:
    """Collects nodes and constants; `to_bytes` gives the file."""

    def __init__(self, name: str) -> None:
        self._body = bytearray(_bytes(2, name.encode()))

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        """Add a constant; returns its name."""
        body = b"".join(_number(1, size) for size in array.shape)
        body += _number(2, _ELEMENT_TYPES[array.dtype.name]) + _bytes(8, name.encode())
        self._body += _bytes(5, body + _bytes(9, np.ascontiguousarray(array).tobytes()))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: float) -> str:
        """Add an operator with one output; returns the output's name. An empty input is one left out."""
        body = b"".join(_bytes(1, name.encode()) for name in inputs) + _bytes(2, output.encode())
        body += _bytes(4, operator.encode()) + _bytes(7, domain.encode())
        self._body += _bytes(1, body + b"".join(_bytes(5, _attribute(k, v)) for k, v in attributes.items()))
        return output

    def input(self, name: str, element_type: str, shape: Sequence[Size]) -> str:
        """Declare an input; returns its name."""
        self._body += _bytes(11, _value(name, element_type, shape))
        return name

    def output(self, name: str, element_type: str, shape: Sequence[Size]) -> None:
        """Declare an output."""
        self._body += _bytes(12, _value(name, element_type, shape))

    def to_bytes(self) -> bytes:
        """The model file."""
        imports = [(b"", _OPSET), (MICROSOFT.encode(), _MICROSOFT_OPSET)]
        opsets = b"".join(_bytes(8, _bytes(1, domain) + _number(2, version)) for domain, version in imports)
        return _number(1, _IR_VERSION) + _bytes(7, bytes(self._body)) + opsets


def _value(name: str, element_type: str, shape: Sequence[Size]) -> bytes:
    sizes = b"".join(
        _bytes(1, _bytes(2, size.encode()) if isinstance(size, str) else _number(1, size)) for size in shape
    )
    tensor = _number(1, _ELEMENT_TYPES[element_type]) + _bytes(2, sizes)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _attribute(name: str, value: float) -> bytes:
    head = _bytes(1, name.encode())
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, _INT)
    return head + _varint(2 << 3 | _FIXED32) + struct.pack("<f", value) + _number(20, _FLOAT)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _bytes(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
