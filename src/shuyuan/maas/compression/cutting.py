"""Cut a graph into consecutive stages of bounded weight, and write them as one safetensors file. Child process only.

A stage ends where the fewest tensors cross, as late as it can, so that what the runtime fuses stays together. What is
written: stage graphs as bytes, then every stage's weights side by side (64-byte steps), so that dropping a stage gives
one run of pages back.
"""

import itertools
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from shuyuan.maas.compression import interface, opening
from shuyuan.maas.compression import net as nets
from shuyuan.maas.runners import stages

Array = NDArray[Any]  # of whatever type the graph holds
_INLINE_BYTES = 1024  # smaller weights stay in the stage's graph: shapes, axes, scales
_ALIGN = 64
_STAGE_SHARE = 0.25  # of the budget: while a stage is loaded it is there twice, mapped and packed
_NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
          "int32": "I32", "int64": "I64"}  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """Nodes first to last - 1. reads, gives: tensors that cross."""

    first: int
    last: int
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    size_bytes: int

    @property
    def steps(self) -> int:
        """How many operators."""
        return self.last - self.first


def share_of(budget_bytes: int) -> int:
    """The largest stage that a budget allows."""
    return int(budget_bytes * _STAGE_SHARE)


def cut(net: nets.Net, limit_bytes: int, out: Path, threads: int = 1) -> list[Piece]:
    """Write the stages to `out`. Raises CannotCompress when one weight alone is over the limit."""
    tables = _tables(net)
    for name, array in net.weights.items():
        if array.nbytes > limit_bytes and name not in tables:
            raise interface.CannotCompress(
                f"weight {name[:80]!r} alone has {array.nbytes} bytes, a stage may have {limit_bytes}",
                fix=f"give a budget of {int(array.nbytes / _STAGE_SHARE) + 1} bytes or more",
            )
    if any(one.type in (one.GRAPH, one.GRAPHS) for node in net.graph.node for one in node.attribute):
        raise interface.CannotCompress("the graph has branches or loops inside steps", fix="use another method")
    pieces = _pieces(net, limit_bytes)
    ports = _crossing_ports(net, pieces, threads)
    _write(net, pieces, ports, out)
    return pieces


def _tables(net: nets.Net) -> set[str]:
    """Weights that only a Gather reads, row by row: they are never copied, so they do not count."""
    found = set(net.weights) - {one.name for one in net.graph.output}
    for name, nodes in net.readers().items():
        if name in found and not all(n.op_type == "Gather" and n.input[0] == name and _by_row(n) for n in nodes):
            found.discard(name)
    return {name for name in found if net.weights[name].nbytes > _INLINE_BYTES}


def _by_row(node: onnx.NodeProto) -> bool:
    return bool(nets.attributes(node).get("axis", 0) == 0)


def _pieces(net: nets.Net, limit_bytes: int) -> list[Piece]:
    nodes, tables = list(net.graph.node), _tables(net)
    sizes = {name: 0 if name in tables else array.nbytes for name, array in net.weights.items()}
    given = {one.name for one in net.graph.input}
    wanted = [one.name for one in net.graph.output]
    made_at = {name: at for at, node in enumerate(nodes) for name in node.output}
    last_read = {name: at for at, node in enumerate(nodes) for name in node.input}
    last_read |= {name: len(nodes) for name in wanted}
    bounds, start, held = [0], 0, set[str]()
    for at, node in enumerate(nodes):
        new = {name for name in node.input if name in net.weights}
        if held and sum(sizes[name] for name in held | new) > limit_bytes:
            heavy = max(one for one in range(start, at) if _is_heavy(net, nodes[one]))
            start = min(range(at, heavy, -1), key=lambda end: _crossing(end, made_at, last_read, net.weights))
            bounds.append(start)
            held = {name for one in nodes[start:at] for name in one.input if name in net.weights}
        held |= new
    bounds.append(len(nodes))
    found = []
    for first, last in itertools.pairwise(bounds):
        read = dict.fromkeys(name for node in nodes[first:last] for name in node.input if name)
        reads = [n for n in read if n in given or (n in made_at and made_at[n] < first)]
        gives = [n for node in nodes[first:last] for n in node.output if n and last_read.get(n, -1) >= last]
        size = sum(sizes[name] for name in read if name in net.weights)
        found.append(Piece(first, last, tuple(reads), tuple(gives), size))
    return found


def _is_heavy(net: nets.Net, node: onnx.NodeProto) -> bool:
    return any(name in net.weights and net.weights[name].nbytes > _INLINE_BYTES for name in node.input)


def _crossing(end: int, made_at: Mapping[str, int], last_read: Mapping[str, int], weights: Mapping[str, Array]) -> int:
    """How many tensors a cut before node `end` crosses."""
    return sum(at < end <= last_read.get(name, -1) for name, at in made_at.items() if name not in weights)


def _crossing_ports(net: nets.Net, pieces: list[Piece], threads: int) -> dict[str, stages.Port]:
    """Type and shape of every tensor that crosses, as onnxruntime infers them: contributed operators too."""
    model = onnx.ModelProto()
    model.CopyFrom(net.to_model())
    shown = {one.name for one in model.graph.output}
    for name in dict.fromkeys(name for piece in pieces for name in piece.gives if name not in shown):
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    path_free = opening.of_bytes(model.SerializeToString(), threads)
    found = [*path_free.get_inputs(), *path_free.get_outputs()]
    return {port.name: stages.Port(port.name, port.type, list(port.shape)) for port in found}


def _write(net: nets.Net, pieces: list[Piece], ports: Mapping[str, stages.Port], out: Path) -> None:
    arrays: dict[str, Array] = {}
    told: list[dict[str, Any]] = []  # Any: JSON
    for number, piece in enumerate(pieces):
        content, outside = _stage(net, piece, ports, number)
        arrays[f"stage{number}.graph"] = np.frombuffer(content, np.uint8)
        tables = [name for name in outside if name in _tables(net)]
        crossing = {"inputs": piece.reads, "outputs": piece.gives}
        told.append({"graph": f"stage{number}.graph", **crossing, "weights": outside, "tables": tables})
    for one in told:
        arrays |= {name: net.weights[name] for name in one["weights"] if name not in arrays}
    whole = {
        "format": stages.FORMAT,
        "stages": told,
        "inputs": [ports[one.name] for one in net.graph.input],
        "outputs": [ports[one.name] for one in net.graph.output],
    }
    _safetensors(arrays, {"stages": json.dumps(whole)}, out)


def _stage(net: nets.Net, piece: Piece, ports: Mapping[str, stages.Port], number: int) -> tuple[bytes, dict[str, str]]:
    """The graph of one piece, and its weights that lie outside it: name → tensor."""
    nodes = list(net.graph.node)[piece.first : piece.last]
    names = dict.fromkeys(name for node in nodes for name in node.input if name in net.weights)
    tables = _tables(net)
    inside = {
        n: net.weights[n] for n in names if net.weights[n].nbytes <= _INLINE_BYTES or _kind(net.weights[n]) is None
    }
    made = helper.make_graph(
        nodes,
        f"stage{number}",
        [_value(ports[name]) for name in piece.reads]
        + [_table(name, net.weights[name]) for name in names if name in tables],
        [_value(ports[name]) for name in piece.gives],
        [onnx.numpy_helper.from_array(array, name) for name, array in inside.items()],
    )
    model = helper.make_model(made, opset_imports=net.model.opset_import, ir_version=net.model.ir_version)
    return bytes(model.SerializeToString()), {name: name for name in names if name not in inside}


def _table(name: str, array: Array) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def _kind(array: Array) -> str | None:
    return _NAMES.get(array.dtype.name)


def _value(port: stages.Port) -> onnx.ValueInfoProto:
    if port.type not in opening.DTYPES:
        raise interface.CannotCompress(f"{port.name!r} is {port.type}: it cannot cross from stage to stage", fix="none")
    element = helper.np_dtype_to_tensor_dtype(np.dtype(opening.DTYPES[port.type]))
    return helper.make_tensor_value_info(
        port.name, element, [s if isinstance(s, int | str) else None for s in port.shape]
    )


def _safetensors(arrays: Mapping[str, Array], metadata: Mapping[str, str], out: Path) -> None:
    """The format's own writer sorts by type and name; here the order is that of the stages, with room between them."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}  # Any: JSON
    at, gaps = 0, 0
    for name, array in arrays.items():
        if at % _ALIGN:
            space = _ALIGN - at % _ALIGN  # the format knows no holes: room is a tensor too
            header[f".room{gaps}"] = {"dtype": "U8", "shape": [space], "data_offsets": [at, at + space]}
            at, gaps = at + space, gaps + 1
        kind = _kind(array)
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    written = json.dumps(header).encode()
    written += b" " * (-(len(written) + 8) % _ALIGN)
    with out.open("wb") as file:
        file.write(struct.pack("<Q", len(written)) + written)
        start, end = file.tell(), 0
        for name, array in arrays.items():
            file.write(bytes(header[name]["data_offsets"][0] - end))
            file.write(np.ascontiguousarray(array).tobytes())
            end = header[name]["data_offsets"][1]
        assert file.tell() == start + at
