"""Which units of a graph can be cut out, and cutting them: from the weight that makes them to those that read them.

A unit is followed forward through operators that treat units one by one. Where it reaches an output, or an operator
that mixes units or is not known here, its whole layer is left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from shuyuan.maas.compression import net as nets

_SHAPED = ("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Gelu", "HardSigmoid", "HardSwish", "Softplus", "Erf", "Clip")
_PASSED = ("Identity", "Dropout", "MaxPool", "AveragePool", "GlobalAveragePool", "Sqrt", "Exp", "Cast")
_ONE_BY_ONE = frozenset((*_SHAPED, *_PASSED))
_FEWEST = 2


@dataclass
class Cut:
    """One array that loses entries along `axis`; each unit stands for `repeat` of them, side by side."""

    name: str
    axis: int
    repeat: int = 1


@dataclass
class Group:
    """The units one weight makes. weight: its name.  cuts: what shrinks.  readers: those of the cuts that read units.

    reshapes: constants that hold a size (name, place) which shrinks too.
    """

    weight: str
    units: int
    cuts: list[Cut] = field(default_factory=list)
    readers: list[Cut] = field(default_factory=list)
    reshapes: list[tuple[str, int]] = field(default_factory=list)


class _Mixed(Exception):
    """The units cannot be told apart any more."""


def groups(net: nets.Net) -> list[Group]:
    """Every layer whose units can go, from the input on."""
    readers, shown = net.readers(), {one.name for one in net.graph.output}
    uses: dict[str, int] = {}
    for node in net.graph.node:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    found = []
    for name, node in net.weighted().items():
        if uses[name] != 1:
            continue
        try:
            found.append(_Follower(net, readers, shown, uses).group(name, node))
        except _Mixed:
            continue
    return found


def keep(net: nets.Net, group: Group, count: int) -> None:
    """Cut all but the `count` units of the largest weights, in and out."""
    size = np.zeros(group.units)
    for cut in [group.cuts[0], *group.readers]:
        weights = np.moveaxis(net.weights[cut.name], cut.axis, 0).reshape(group.units, -1)
        size += np.linalg.norm(weights.astype(np.float64), axis=1) / max(float(np.linalg.norm(weights)), 1e-30)
    kept = np.sort(np.argsort(-size, kind="stable")[:count])
    for cut in [*group.cuts, *group.readers]:
        rows = (kept[:, None] * cut.repeat + np.arange(cut.repeat)).ravel()
        net.set(cut.name, np.ascontiguousarray(np.take(net.weights[cut.name], rows, axis=cut.axis)))
    for name, place in group.reshapes:
        sizes: NDArray[np.int64] = net.weights[name].copy()
        sizes[place] = sizes[place] * count // group.units
        net.set(name, sizes)


class _Follower:
    """Walks from one weight forward. `axis` is where the units lie; `repeat` how many entries each has there."""

    def __init__(
        self, net: nets.Net, readers: Mapping[str, list[onnx.NodeProto]], shown: set[str], uses: Mapping[str, int]
    ) -> None:
        self._net, self._readers, self._shown, self._uses = net, readers, shown, uses

    def group(self, name: str, node: onnx.NodeProto) -> Group:
        said, shape = nets.attributes(node), self._net.weights[name].shape
        if node.op_type == "Conv":
            self._require(said.get("group", 1) == 1)
            made, axis = Group(name, shape[0], [Cut(name, 0)]), 1
        elif node.op_type == "Gemm":
            self._require(not said.get("transA", 0))
            out = 0 if said.get("transB", 0) else 1
            made, axis = Group(name, shape[out], [Cut(name, out)]), 1
        else:
            self._require(len(shape) == 2)
            made, axis = Group(name, shape[1], [Cut(name, 1)]), -1
        self._require(made.units >= _FEWEST)
        if node.op_type != "MatMul" and len(node.input) > 2 and node.input[2]:
            self._beside(made, node.input[2], 1)
        self._from(made, node.output[0], axis, 1)
        self._require(bool(made.readers))
        return made

    def _from(self, group: Group, tensor: str, axis: int, repeat: int) -> None:
        self._require(tensor not in self._shown)
        for node in self._readers.get(tensor, []):
            self._through(group, node, tensor, axis, repeat)

    def _through(self, group: Group, node: onnx.NodeProto, tensor: str, axis: int, repeat: int) -> None:
        kind, said = node.op_type, nets.attributes(node)
        self._require(not node.domain and list(node.input).count(tensor) == 1)
        if kind in _ONE_BY_ONE and node.input[0] == tensor:
            self._from(group, node.output[0], axis, repeat)
        elif kind in ("Add", "Sub", "Mul", "Div"):
            self._beside(group, node.input[1] if node.input[0] == tensor else node.input[0], repeat, axis)
            self._from(group, node.output[0], axis, repeat)
        elif kind == "BatchNormalization" and node.input[0] == tensor and repeat == 1 and axis == 1:
            for name in node.input[1:5]:
                self._beside(group, name, 1)
            self._from(group, node.output[0], axis, 1)
        elif kind == "Flatten" and said.get("axis", 1) == 1 and axis == 1:
            self._from(group, node.output[0], 1, 0)  # how many entries a unit has is seen at the next matrix
        elif kind == "Reshape" and axis == 1 and node.input[0] == tensor:
            self._flat(group, node)
            self._from(group, node.output[0], 1, 0)
        elif kind in ("Conv", "Gemm", "MatMul") and node.input[0] == tensor:
            self._read(group, node, axis, repeat)
        else:
            raise _Mixed

    def _read(self, group: Group, node: onnx.NodeProto, axis: int, repeat: int) -> None:
        name, said = node.input[1], nets.attributes(node)
        weights = self._net.weights.get(name)
        if weights is None or self._uses[name] != 1:
            raise _Mixed
        if node.op_type == "Conv":
            self._require(said.get("group", 1) == 1 and axis == 1 and repeat == 1)
            into = 1
        elif node.op_type == "Gemm":
            self._require(not said.get("transA", 0))
            into = 1 if said.get("transB", 0) else 0
        else:
            self._require(weights.ndim == 2 and (axis == -1 or repeat == 0))
            into = 0
        size = weights.shape[into]
        self._require(size % group.units == 0 and (repeat == 0 or size == group.units * repeat))
        group.readers.append(Cut(name, into, size // group.units))

    def _beside(self, group: Group, name: str, repeat: int, axis: int = -1) -> None:
        """A bias or a scale: one entry a unit (then it shrinks) or one for all."""
        weights = self._net.weights.get(name)
        if weights is None:
            raise _Mixed
        if weights.size == 1:
            return
        self._require(repeat == 1 and self._uses[name] == 1)
        places = [at for at, size in enumerate(weights.shape) if size == group.units]
        wanted = (
            weights.ndim - 1 if axis == -1 or weights.ndim == 1 else weights.ndim - 3
        )  # (units, 1, 1) beside a picture
        self._require(weights.size == group.units and places == [wanted] and (weights.ndim > 1 or axis in (-1, 1)))
        group.cuts.append(Cut(name, wanted))

    def _flat(self, group: Group, node: onnx.NodeProto) -> None:
        """(rows, units, …) to (rows, all): -1 or 0 stand for themselves, a told size shrinks."""
        sizes = self._net.weights.get(node.input[1])
        self._require(sizes is not None and sizes.shape == (2,) and self._uses[node.input[1]] == 1)
        assert sizes is not None
        self._require(int(sizes[0]) in (-1, 0, 1))
        if int(sizes[1]) != -1:
            self._require(int(sizes[1]) % group.units == 0)
            group.reshapes.append((node.input[1], 1))

    @staticmethod
    def _require(holds: bool) -> None:
        if not holds:
            raise _Mixed
