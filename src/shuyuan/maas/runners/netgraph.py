"""A trained net as an ONNX file, from its safetensors, without torch: what the onnx runner and other tools read."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from shuyuan.maas.runners import graph, interface
from shuyuan.science.nets import shapes

Floats = NDArray[np.float32]
_MAX_LOG_SIZE = 4.0
_HEADER = struct.Struct("<Q")
_MAX_HEADER_BYTES = 1 << 20


def read_header(data: bytes) -> shapes.Net:
    """The net that a safetensors file names in its metadata. Raises BadModelFile."""
    try:
        (length,) = _HEADER.unpack_from(data)
        if length > min(_MAX_HEADER_BYTES, len(data)):
            raise ValueError(f"a header of {length} bytes")
        said = json.loads(data[_HEADER.size : _HEADER.size + length])["__metadata__"]
        return shapes.read(str(said["net"]), json.loads(said["config"]))
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise interface.BadModelFile(
            f"no net is described: {wrong}"[:300], fix='write metadata {"net": "mlp", "config": "{…}"}'
        ) from wrong


def to_onnx(data: bytes) -> bytes:
    """The ONNX file of a safetensors file. Input `image` or `x`, outputs as the net names them."""
    shape = read_header(data)
    if not isinstance(shape, shapes.Plain):
        raise interface.BadModelFile(f"a {shape.NAME} is not written here", fix="use the ONNX file of its training run")
    try:
        found = {name: _array(tensor) for name, tensor in deserialize(data)}  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError) as wrong:
        raise interface.BadModelFile(f"the weights cannot be read: {wrong}", fix="save the model again") from wrong
    if {name: array.shape for name, array in found.items()} != shape.tensors():
        raise interface.BadModelFile(f"the tensors are not those of a {shape.NAME}", fix="save the model again")
    writer = _Writer(found)
    name = "x" if isinstance(shape, shapes.Mlp) else "image"
    x = writer.graph.input(name, "float32", ("rows", *shape.input_shape()))
    match shape:
        case shapes.Mlp():
            writer.mlp(x, len(shape.hidden) + 1)
            writer.graph.output("logits", "float32", ("rows", shape.outputs))
        case shapes.Convnet():
            x = writer.node("Flatten", [writer.halve(x, len(shape.widths))], "flat", axis=1)
            writer.linear(x, "head", "logits")
            writer.graph.output("logits", "float32", ("rows", shape.classes))
        case shapes.Detector():
            writer.detector(writer.halve(x, len(shape.widths)), shape)
            writer.graph.output("boxes", "float32", ("rows", shape.cells**2, 4))
            writer.graph.output("scores", "float32", ("rows", shape.cells**2, shape.classes))
    return writer.graph.to_bytes()


def spec(shape: shapes.Net, labels: list[str]) -> dict[str, object]:
    """What a version made from this net says of itself: labels, how a picture is given, where boxes lie."""
    made: dict[str, object] = {"labels": labels}
    if isinstance(shape, shapes.Convnet | shapes.Detector):
        size = [shape.side, shape.side]
        made["image"] = {"size": size, "channels": shape.channels, "layout": "nchw", "input": "image"}
    if isinstance(shape, shapes.Detector):
        made["detector"] = {"boxes": "boxes", "scores": "scores"}
    else:
        made["output"] = "logits"
    return made


class _Graph(graph.Graph):
    """With attributes that are lists of whole numbers, as convolutions need them."""

    def node_of_lists(self, operator: str, inputs: list[str], output: str, **attributes: tuple[int, ...]) -> str:
        body = b"".join(graph._bytes(1, name.encode()) for name in inputs) + graph._bytes(2, output.encode())
        body += graph._bytes(4, operator.encode()) + graph._bytes(7, b"")
        for name, values in attributes.items():
            packed = b"".join(graph._number(8, value) for value in values)
            body += graph._bytes(5, graph._bytes(1, name.encode()) + packed + graph._number(20, 7))  # 7: INTS
        self._body += graph._bytes(1, body)
        return output


class _Writer:
    """Layers of one graph; every weight is a constant of its own name."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.graph = _Graph("net")
        self.node = self.graph.node
        self._weights = weights

    def weight(self, name: str) -> str:
        return self.graph.constant(name, self._weights[name])

    def whole(self, name: str, *values: int) -> str:
        return self.graph.constant(name, np.array(values, np.int64))

    def linear(self, x: str, name: str, output: str) -> str:
        pair = [self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("Gemm", [x, *pair], output, transB=1)

    def mlp(self, x: str, layers: int) -> None:
        for number in range(layers - 1):
            x = self.node("Relu", [self.linear(x, f"layers.{number}", f"sum{number}")], f"x{number}")
        self.linear(x, f"layers.{layers - 1}", "logits")

    def convolve(self, x: str, name: str, pad: int) -> str:
        pair = [self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.graph.node_of_lists("Conv", [x, *pair], f"{name}.out", pads=(pad,) * 4)

    def halve(self, x: str, steps: int) -> str:
        for number in range(steps):
            x = self.node("Relu", [self.convolve(x, f"convolutions.{number}", 1)], f"relu{number}")
            x = self.graph.node_of_lists("MaxPool", [x], f"pool{number}", kernel_shape=(2, 2), strides=(2, 2))
        return x

    def detector(self, x: str, shape: shapes.Detector) -> None:
        x = self.node("Relu", [self.convolve(x, "neck", 1)], "neck.relu")
        x = self.convolve(x, "head", 0)  # (rows, 5 + classes, down, across)
        x = self.node("Reshape", [x, self.whole("flat", 0, 5 + shape.classes, -1)], "columns")
        x = self.graph.node_of_lists("Transpose", [x], "cells", perm=(0, 2, 1))
        edges = {"objectness": (0, 1), "place": (1, 3), "size": (3, 5), "kind": (5, 5 + shape.classes)}
        parts = {name: self._slice(x, name, *ends) for name, ends in edges.items()}
        at = np.arange(shape.cells, dtype=np.float32)
        corner = self.graph.constant("corner", np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2))
        inside = self.node("Sigmoid", [parts["place"]], "inside")
        stride = self.graph.constant("stride", np.array(shape.stride, np.float32))
        middle = self.node("Mul", [self.node("Add", [inside, corner], "middle.cells"), stride], "middle")
        limits = [self.graph.constant(f"limit{v}", np.array(v * _MAX_LOG_SIZE, np.float32)) for v in (-1, 1)]
        grown = self.node("Exp", [self.node("Clip", [parts["size"], *limits], "size.clipped")], "size.exp")
        typical = self.graph.constant("typical", np.array(shape.typical_px / 2, np.float32))
        half = self.node("Mul", [grown, typical], "half")
        ends = [self.node("Sub", [middle, half], "low"), self.node("Add", [middle, half], "high")]
        self.node("Concat", ends, "boxes", axis=2)
        sure = self.node("Sigmoid", [parts["objectness"]], "sure")
        self.node("Mul", [sure, self.node("Softmax", [parts["kind"]], "kinds", axis=2)], "scores")

    def _slice(self, x: str, name: str, start: int, end: int) -> str:
        ends = [self.whole(f"{name}.start", start), self.whole(f"{name}.end", end), self.whole(f"{name}.axis", 2)]
        return self.node("Slice", [x, *ends], name)


def _array(tensor: Mapping[str, Any]) -> Floats:  # as the library gives it, untyped
    if tensor["dtype"] != "F32":
        raise ValueError(f"a tensor of {tensor['dtype']}, float32 is needed")
    array: Floats = np.frombuffer(tensor["data"], "<f4").reshape(tensor["shape"])
    return array


def write(source: Path, target: Path) -> None:
    """Turn a safetensors file into an ONNX file."""
    target.write_bytes(to_onnx(source.read_bytes()))
