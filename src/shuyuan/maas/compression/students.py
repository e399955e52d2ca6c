"""Small nets as ONNX graphs with fresh weights: a teacher made narrow, an MLP, a convnet. Child process only."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from shuyuan.maas.compression import channels, interface, method, operators
from shuyuan.maas.compression import net as nets

Array = NDArray[Any]  # of whatever type the graph takes
_OPSET, _IR_VERSION = 17, 8


def build(
    work: method.Work,
    student: str,
    widths: Sequence[int],
    share: float,
    feeds: Mapping[str, Array],
    output: str,
    classes: int,
) -> tuple[str, nets.Net]:
    """The kind chosen and its net. Raises CannotCompress."""
    rng = np.random.default_rng(work.seed)
    if student in ("auto", "narrow"):
        teacher = nets.Net.read(work.model)
        groups = [] if operators.unknown(teacher) else channels.groups(teacher)
        if groups:
            for group in groups:
                channels.keep(teacher, group, max(2, round(group.units * share)))
            return "narrow", teacher
        if student == "narrow":
            raise interface.CannotCompress("this teacher cannot be made narrow", fix="use student mlp or convnet")
    pictures = len(feeds) == 1 and next(iter(feeds.values())).ndim == 4
    if student == "convnet" or (student == "auto" and pictures):
        if not pictures:
            raise interface.CannotCompress("a convnet needs one input of pictures", fix="use student mlp")
        return "convnet", _convnet(feeds, widths or (16, 32), output, classes, rng)
    return "mlp", _mlp(feeds, widths or (64,), output, classes, rng)


def _mlp(
    feeds: Mapping[str, Array], widths: Sequence[int], output: str, classes: int, rng: np.random.Generator
) -> nets.Net:
    for name, array in feeds.items():
        if array.dtype.kind != "f":
            raise interface.CannotCompress(
                f"input {name!r} holds ids, a fresh student reads numbers", fix="use student narrow"
            )
    nodes = [helper.make_node("Flatten", [name], [f"{name}.flat"], axis=1) for name in feeds]
    nodes.append(helper.make_node("Concat", [f"{name}.flat" for name in feeds], ["x0"], axis=1))
    sizes = [sum(math.prod(array.shape[1:]) for array in feeds.values()), *widths, classes]
    return _finished(feeds, nodes, {}, sizes, output, rng)


def _convnet(
    feeds: Mapping[str, Array], widths: Sequence[int], output: str, classes: int, rng: np.random.Generator
) -> nets.Net:
    (name, array), nodes, weights = next(iter(feeds.items())), [], dict[str, Array]()
    x, (channel, height, width) = name, array.shape[1:]
    for number, (old, new) in enumerate(itertools.pairwise((channel, *widths))):
        if min(height, width) < 2:
            raise interface.CannotCompress(f"{len(widths)} halvings of {array.shape[2:]}", fix="give fewer widths")
        weights[f"kernel{number}"] = _drawn(rng, (new, old, 3, 3), old * 9)
        weights[f"kernel{number}.bias"] = np.zeros(new, np.float32)
        given = [x, f"kernel{number}", f"kernel{number}.bias"]
        nodes.append(helper.make_node("Conv", given, [f"sum{number}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"sum{number}"], [f"relu{number}"]))
        nodes.append(
            helper.make_node("MaxPool", [f"relu{number}"], [f"half{number}"], kernel_shape=[2, 2], strides=[2, 2])
        )
        x, height, width = f"half{number}", height // 2, width // 2
    nodes.append(helper.make_node("Flatten", [x], ["x0"], axis=1))
    return _finished(feeds, nodes, weights, [widths[-1] * height * width, classes], output, rng)


def _finished(
    feeds: Mapping[str, Array],
    nodes: list[onnx.NodeProto],
    weights: dict[str, Array],
    sizes: Sequence[int],
    output: str,
    rng: np.random.Generator,
) -> nets.Net:
    """With linear layers of these sizes behind `x0`."""
    last = len(sizes) - 2
    for number, (old, new) in enumerate(itertools.pairwise(sizes)):
        weights[f"layer{number}"] = _drawn(rng, (new, old), old)
        weights[f"layer{number}.bias"] = np.zeros(new, np.float32)
        to = output if number == last else f"hidden{number}"
        nodes.append(helper.make_node("Gemm", [f"x{number}", f"layer{number}", f"layer{number}.bias"], [to], transB=1))
        if number != last:
            nodes.append(helper.make_node("Relu", [to], [f"x{number + 1}"]))
    ports = [_port(name, array.dtype, ["rows", *array.shape[1:]]) for name, array in feeds.items()]
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = helper.make_graph(nodes, "student", ports, [_port(output, np.dtype(np.float32), ["rows", sizes[-1]])], held)
    opsets = [helper.make_opsetid("", _OPSET)]
    return nets.Net(helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION))


def _port(name: str, dtype: "np.dtype[Any]", shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> Array:
    """He et al. (2015)."""
    return rng.normal(size=shape).astype(np.float32) * np.float32(math.sqrt(2 / inputs))
