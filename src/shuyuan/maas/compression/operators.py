"""The operators of ONNX that a graph may be trained with, as torch functions. What is not here is not trained."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from shuyuan.maas.compression import net as nets

Said = Mapping[str, Any]  # attributes: numbers, lists, strings
Given = list[Any]  # tensors; None where an input is left out
Operator = Callable[[Given, Said], Tensor]
_TORCH_TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64}


def unknown(net: nets.Net) -> list[str]:
    """Operators, or uses of one, that are not here; sorted."""
    return sorted({str(node.op_type) for node in net.graph.node if not _is_known(node)})


def _is_known(node: Any) -> bool:  # Any: a NodeProto
    said = nets.attributes(node)
    padded = said.get("auto_pad", b"NOTSET") == b"NOTSET" and not said.get("ceil_mode")
    return node.op_type in OPERATORS and not node.domain and padded and len([o for o in node.output if o]) == 1


def run(net: nets.Net, there: dict[str, Tensor], output: str) -> Tensor:
    """One output of a graph, from its weights and inputs by name."""
    found = dict(there)
    for node in net.graph.node:
        given = [found.get(name) for name in node.input]
        found[node.output[0]] = OPERATORS[node.op_type](given, nets.attributes(node))
        if node.output[0] == output:
            break
    return found[output]


def _gemm(x: Given, said: Said) -> Tensor:
    a = x[0].T if said.get("transA") else x[0]
    b = x[1].T if said.get("transB") else x[1]
    product: Tensor = said.get("alpha", 1.0) * (a @ b)
    return product if len(x) < 3 or x[2] is None else product + said.get("beta", 1.0) * x[2]


def _padded(x: Tensor, said: Said, axes: int, value: float = 0.0) -> Tensor:
    pads = list(said.get("pads", [0] * 2 * axes))
    if not any(pads):
        return x
    return functional.pad(
        x, [pads[side * axes + axis] for axis in reversed(range(axes)) for side in (0, 1)], value=value
    )


def _conv(x: Given, said: Said) -> Tensor:
    axes = x[1].ndim - 2
    kernels = {1: functional.conv1d, 2: functional.conv2d}[axes]
    made: Tensor = kernels(
        _padded(x[0], said, axes),
        x[1],
        x[2] if len(x) > 2 else None,
        stride=tuple(said.get("strides", [1] * axes)),
        dilation=tuple(said.get("dilations", [1] * axes)),
        groups=int(said.get("group", 1)),
    )
    return made


def _max_pool(x: Given, said: Said) -> Tensor:
    size = tuple(said["kernel_shape"])
    given = _padded(x[0], said, len(size), float("-inf"))
    return functional.max_pool2d(given, size, tuple(said.get("strides", [1] * len(size))))


def _average_pool(x: Given, said: Said) -> Tensor:
    size = tuple(said["kernel_shape"])
    return functional.avg_pool2d(_padded(x[0], said, len(size)), size, tuple(said.get("strides", [1] * len(size))))


def _reshape(x: Given, said: Said) -> Tensor:
    sizes = [x[0].shape[at] if size == 0 else size for at, size in enumerate(x[1].tolist())]
    made: Tensor = x[0].reshape(sizes)
    return made


def _axes(x: Given, said: Said) -> list[int]:
    if len(x) > 1 and x[1] is not None:
        axes: list[int] = x[1].tolist()
        return axes
    return list(said.get("axes", []))


def _squeeze(x: Given, said: Said) -> Tensor:
    for axis in sorted(_axes(x, said), reverse=True):
        x[0] = x[0].squeeze(axis)
    made: Tensor = x[0]
    return made


def _unsqueeze(x: Given, said: Said) -> Tensor:
    for axis in sorted(_axes(x, said)):
        x[0] = x[0].unsqueeze(axis)
    made: Tensor = x[0]
    return made


def _reduce(how: Callable[..., Tensor]) -> Operator:
    def reduced(x: Given, said: Said) -> Tensor:
        return how(x[0], dim=_axes(x, said) or list(range(x[0].ndim)), keepdim=bool(said.get("keepdims", 1)))

    return reduced


def _batch_norm(x: Given, said: Said) -> Tensor:
    shape = [1, -1, *[1] * (x[0].ndim - 2)]
    scale, bias, mean, variance = (one.reshape(shape) for one in x[1:5])
    made: Tensor = (x[0] - mean.detach()) / (variance.detach() + said.get("epsilon", 1e-5)).sqrt() * scale + bias
    return made


def _layer_norm(x: Given, said: Said) -> Tensor:
    axis = int(said.get("axis", -1)) % x[0].ndim
    bias = x[2] if len(x) > 2 else None
    return functional.layer_norm(x[0], x[0].shape[axis:], x[1], bias, float(said.get("epsilon", 1e-5)))


def _clip(x: Given, said: Said) -> Tensor:
    low = x[1] if len(x) > 1 else said.get("min")
    high = x[2] if len(x) > 2 else said.get("max")
    made: Tensor = x[0].clamp(low, high)
    return made


def _cast(x: Given, said: Said) -> Tensor:
    made: Tensor = x[0].to(_TORCH_TYPES[int(said["to"])])
    return made


def _flatten(x: Given, said: Said) -> Tensor:
    axis = int(said.get("axis", 1)) % (x[0].ndim + 1)
    made: Tensor = x[0].reshape(x[0].shape[:axis].numel(), -1)
    return made


def _gather(x: Given, said: Said) -> Tensor:
    axis, index = int(said.get("axis", 0)) % x[0].ndim, x[1].long()
    made: Tensor = x[0].index_select(axis, index.reshape(-1))
    return made.reshape([*x[0].shape[:axis], *index.shape, *x[0].shape[axis + 1 :]])


def _gelu(x: Given, said: Said) -> Tensor:
    how = said.get("approximate", b"none")
    return functional.gelu(x[0], approximate=how.decode() if isinstance(how, bytes) else how)


OPERATORS: Mapping[str, Operator] = {
    "Gemm": _gemm,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Clip": _clip,
    "Cast": _cast,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": _gelu,
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "GlobalAveragePool": lambda x, said: x[0].mean(dim=tuple(range(2, x[0].ndim)), keepdim=True),
    "MatMul": lambda x, said: x[0] @ x[1],
    "Add": lambda x, said: x[0] + x[1],
    "Sub": lambda x, said: x[0] - x[1],
    "Mul": lambda x, said: x[0] * x[1],
    "Div": lambda x, said: x[0] / x[1],
    "Sqrt": lambda x, said: x[0].sqrt(),
    "Exp": lambda x, said: x[0].exp(),
    "Erf": lambda x, said: torch.erf(x[0]),
    "Tanh": lambda x, said: x[0].tanh(),
    "Sigmoid": lambda x, said: x[0].sigmoid(),
    "Relu": lambda x, said: x[0].relu(),
    "LeakyRelu": lambda x, said: functional.leaky_relu(x[0], said.get("alpha", 0.01)),
    "Softmax": lambda x, said: x[0].softmax(dim=int(said.get("axis", -1))),
    "LogSoftmax": lambda x, said: x[0].log_softmax(dim=int(said.get("axis", -1))),
    "Identity": lambda x, said: x[0],
    "Dropout": lambda x, said: x[0],
    "Transpose": lambda x, said: x[0].permute(tuple(said["perm"])),
    "Concat": lambda x, said: torch.cat(x, dim=int(said["axis"])),
}
