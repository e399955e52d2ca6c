"""Model files for tests, good and bad, made here."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
from tests.maas import onnx_file


def onnx() -> bytes:
    """A real graph."""
    return onnx_file.linear(np.eye(3, dtype=np.float32))


def field(number: int, value: bytes | int) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """A protobuf number."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def graph(*, tensor: bytes = b"", at: str = "initializer", output: bytes = b"") -> bytes:
    """An ONNX file by hand, with `tensor` where `at` says, and what it says of its output."""
    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    attribute = field(1, b"value") + field(5, tensor)
    places = {
        "initializer": field(5, tensor),
        "attribute": field(1, node + field(5, attribute)),
        "branch": field(1, node + field(5, field(1, b"then") + field(6, field(5, tensor)))),
        "sparse": field(15, field(1, tensor)),
    }
    below = field(1, node) + field(2, b"g") + field(11, field(1, b"x")) + field(12, output or field(1, b"y"))
    extra = field(25, field(7, node + field(5, attribute))) if at == "function" else b""
    return field(1, 8) + field(7, below + places.get(at, b"")) + extra


def outside(how: str) -> bytes:
    """A tensor whose data is said to lie in another file."""
    entry = field(1, b"location") + field(2, b"../../etc/passwd")
    said = {"data": field(13, entry), "location": field(14, 1), "both": field(13, entry) + field(14, 1)}
    return field(1, 3) + field(2, 1) + field(8, b"weights") + said[how]


def safetensors(**changes: object) -> bytes:
    """Two tensors; `changes` replace what the header says of `a`."""
    header = {
        "__metadata__": {"made": "here"},
        "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changes},
        "b": {"dtype": "I64", "shape": [1], "data_offsets": [16, 24]},
    }
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + bytes(24)


def gguf(version: int = 3, tensors: int = 1) -> bytes:
    """The head of a GGUF file."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, 2) + bytes(64)


def pickled() -> bytes:
    """What runs code when it is opened."""
    return pickle.dumps({"weights": [1.0, 2.0]}, protocol=4)


def torch_archive() -> bytes:
    """The shape of a `.pt` file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickled())
        archive.writestr("archive/data/0", bytes(16))
    return held.getvalue()
