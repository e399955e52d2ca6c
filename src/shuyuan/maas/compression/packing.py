"""Weights that take less room in the file and are whole again once loaded, in standard operators alone.

The steps that unpack read constants only, so ONNX Runtime runs them once, while it loads the graph (constant folding):
any runner, and an edge bundle, reads the file as it is. At work such a model is as fast and as large as its parent.
"""

import math

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from shuyuan.maas.compression import net as nets

Floats = NDArray[np.float32]
_STEPS_BYTES = 700  # what the unpacking steps themselves take in the file, about


def sparse_bytes(weights: Floats) -> int:
    """What `keep_sparse` would store: one bit a weight, four bytes each that is not zero."""
    return math.ceil(weights.size / 8) + 4 * int(np.count_nonzero(weights)) + _STEPS_BYTES


def keep_sparse(net: nets.Net, name: str) -> None:
    """Store a weight as a mask of bits and the values that are not zero."""
    weights = net.weights[name]
    there = weights.ravel() != 0
    steps, bits = _bits(net, name, there)
    values = np.concatenate([np.zeros(1, np.float32), weights.ravel()[there]])
    net.set(f"{name}.values", values)
    net.set(f"{name}.shape", np.array(weights.shape, np.int64))
    net.set("packing.axis", np.array(0, np.int64))
    steps += [
        helper.make_node("Cast", [bits], [f"{name}.there"], to=onnx.TensorProto.INT32),
        helper.make_node("CumSum", [f"{name}.there", "packing.axis"], [f"{name}.count"]),
        helper.make_node("Mul", [f"{name}.count", f"{name}.there"], [f"{name}.place"]),  # 0: the zero before them all
        helper.make_node("Gather", [f"{name}.values", f"{name}.place"], [f"{name}.flat"]),
        helper.make_node("Reshape", [f"{name}.flat", f"{name}.shape"], [name]),
    ]
    net.drop(name)
    net.before(steps)


def keep_binary(net: nets.Net, name: str, positive: NDArray[np.bool_], scale: Floats) -> None:
    """Store a weight as its signs, one bit each, and a scale that is broadcast over them."""
    steps, bits = _bits(net, name, positive.ravel())
    net.set(f"{name}.shape", np.array(positive.shape, np.int64))
    net.set(f"{name}.twice", (2 * scale).astype(np.float32))
    net.set(f"{name}.scale", scale.astype(np.float32))
    steps += [
        helper.make_node("Cast", [bits], [f"{name}.there"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Reshape", [f"{name}.there", f"{name}.shape"], [f"{name}.signs"]),
        helper.make_node("Mul", [f"{name}.signs", f"{name}.twice"], [f"{name}.grown"]),
        helper.make_node("Sub", [f"{name}.grown", f"{name}.scale"], [name]),
    ]
    net.drop(name)
    net.before(steps)


def _bits(net: nets.Net, name: str, flags: NDArray[np.bool_]) -> tuple[list[onnx.NodeProto], str]:
    """Steps that turn packed bits into a flat uint8 array of 0 and 1, and its name. BitShift alone: opset 11 has it."""
    net.set(f"{name}.bits", np.packbits(flags, bitorder="little")[:, None])
    net.set(f"{name}.end", np.array([flags.size], np.int64))
    net.set("packing.left", np.arange(7, -1, -1, dtype=np.uint8))
    net.set("packing.right", np.array([7], np.uint8))
    net.set("packing.flat", np.array([-1], np.int64))
    net.set("packing.start", np.array([0], np.int64))
    steps = [
        helper.make_node("BitShift", [f"{name}.bits", "packing.left"], [f"{name}.high"], direction="LEFT"),
        helper.make_node("BitShift", [f"{name}.high", "packing.right"], [f"{name}.bit"], direction="RIGHT"),
        helper.make_node("Reshape", [f"{name}.bit", "packing.flat"], [f"{name}.row"]),
        helper.make_node("Slice", [f"{name}.row", "packing.start", f"{name}.end"], [f"{name}.flags"]),
    ]
    return steps, f"{name}.flags"
