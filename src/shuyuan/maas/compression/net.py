"""An ONNX graph that is being changed: weights as arrays by name, who makes and who reads each tensor."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from shuyuan.maas.compression import interface

Array = NDArray[Any]  # of whatever type the graph holds
WEIGHTED = {"MatMul": 1, "Gemm": 1, "Conv": 1, "Attention": 1, "Gather": 0}  # operator → which input is the weight
_OUTSIDE = onnx.TensorProto.EXTERNAL


class Net:
    """One graph. Constants become weights; nothing of it may lie in another file."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.graph = model.graph
        if not self.graph.node or not self.graph.output:
            raise interface.CannotCompress("the file holds no graph with a step and an output", fix="export it again")
        for tensor in self.graph.initializer:
            if tensor.data_location == _OUTSIDE:
                raise interface.CannotCompress(
                    f"the graph's tensor {tensor.name[:80]!r} keeps its data in another file",
                    fix="export the graph as one file, without external data",
                )
        _constants_to_initializers(self.graph)
        self.weights: dict[str, Array] = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        given = [one for one in self.graph.input if one.name not in self.weights]  # old exports list weights as inputs
        del self.graph.input[:]
        self.graph.input.extend(given)

    @classmethod
    def read(cls, path: Path) -> "Net":
        """From a file; data outside it is never followed."""
        try:
            return cls(onnx.load(str(path), load_external_data=False))
        except interface.CannotCompress:
            raise
        except Exception as wrong:  # protobuf raises classes of its own
            raise interface.CannotCompress(f"no ONNX graph: {wrong}"[:300], fix="export the model again") from wrong

    @property
    def opset(self) -> int:
        """Of the standard operators."""
        return next((one.version for one in self.model.opset_import if one.domain in ("", "ai.onnx")), 1)

    def readers(self) -> dict[str, list[onnx.NodeProto]]:
        """Tensor name → nodes that read it."""
        found: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                found.setdefault(name, []).append(node)
        return found

    def weighted(self, operators: Iterable[str] = ("MatMul", "Gemm", "Conv")) -> dict[str, onnx.NodeProto]:
        """Names of float matrices and kernels, each with the first node that multiplies by it."""
        found: dict[str, onnx.NodeProto] = {}
        for node in self.graph.node:
            if node.op_type in operators and len(node.input) > WEIGHTED[node.op_type]:
                array = self.weights.get(name := node.input[WEIGHTED[node.op_type]])
                if array is not None and array.dtype == np.float32 and array.ndim >= 2:
                    found.setdefault(name, node)
        return found

    def set(self, name: str, array: Array) -> None:
        """Replace a weight, or add one."""
        self.weights[name] = array

    def drop(self, name: str) -> None:
        """Forget a weight that no node reads any more."""
        del self.weights[name]

    def before(self, nodes: list[onnx.NodeProto]) -> None:
        """Put steps that read constants alone before all others."""
        rest = list(self.graph.node)
        del self.graph.node[:]
        self.graph.node.extend([*nodes, *rest])

    def to_model(self) -> onnx.ModelProto:
        """The graph with its present weights; shapes told in between are dropped, since they may have changed."""
        del self.graph.initializer[:]
        self.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in self.weights.items())
        del self.graph.value_info[:]
        return self.model

    def to_bytes(self) -> bytes:
        """The file."""
        return bytes(self.to_model().SerializeToString())


def attributes(node: onnx.NodeProto) -> Mapping[str, Any]:  # Any: numbers, lists, strings
    """What a node says beside its inputs."""
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def matmuls_for_gemms(net: Net) -> None:
    """Write every Gemm with a constant matrix as MatMul and Add: the form integer kernels know."""
    nodes: list[onnx.NodeProto] = []
    for number, node in enumerate(net.graph.node):
        matrix = net.weights.get(node.input[1]) if node.op_type == "Gemm" else None
        said = attributes(node)
        plain = said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 and not said.get("transA", 0)
        if matrix is None or not plain:
            nodes.append(node)
            continue
        name = f"{node.input[1]}.t{number}"
        net.set(name, np.ascontiguousarray(matrix.T) if said.get("transB", 0) else matrix)
        product = node.output[0] if len(node.input) < 3 else f"{node.output[0]}.product"
        nodes.append(helper.make_node("MatMul", [node.input[0], name], [product], name=f"matmul{number}"))
        if len(node.input) > 2:
            nodes.append(helper.make_node("Add", [product, node.input[2]], [node.output[0]], name=f"bias{number}"))
    del net.graph.node[:]
    net.graph.node.extend(nodes)
    forget_unread(net)


def forget_unread(net: Net) -> None:
    """Drop weights no node reads and no output shows."""
    shown = {one.name for one in net.graph.output}
    read = net.readers().keys() | shown | _read_inside(net.graph)
    for name in [name for name in net.weights if name not in read]:
        net.drop(name)


def _read_inside(graph: onnx.GraphProto) -> set[str]:
    """Names that branches and loops read from the graph around them."""
    found: set[str] = set()
    for node in graph.node:
        for inner in (one.g for one in node.attribute if one.type == onnx.AttributeProto.GRAPH):
            found |= {name for step in inner.node for name in step.input} | _read_inside(inner)
    return found


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    kept = []
    for node in graph.node:
        value = next((one.t for one in node.attribute if one.name == "value"), None)
        if node.op_type == "Constant" and value is not None and value.data_location != _OUTSIDE:
            made = graph.initializer.add()
            made.CopyFrom(value)
            made.name = node.output[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
