"""Weights of a net: how they begin, what is taken over from an earlier net, their digest."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import init

from shuyuan.maas.training import task
from shuyuan.maas.training.options import Initialisation

_SMALL = 0.02  # spread of `small`. Source: Radford et al. (2019)


@dataclass(frozen=True)
class TakenOver:
    """Names of tensors that came from earlier weights, and of those that did not fit."""

    taken: tuple[str, ...]
    fresh: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """What of a head is taken over: where only some classes are those of the earlier net."""

    axes: Mapping[str, int]  # tensor → the axis of its classes; all others are the body
    kept: Sequence[tuple[int, int]]  # class of the earlier net, class of this one


def initialise(net: nn.Module, how: Initialisation) -> None:
    """Draw fresh weights. Matrices (and kernels) as asked, biases zero; one-dimensional scales stay as they are."""
    if how == "default":
        return
    for name, tensor in net.named_parameters():
        if tensor.ndim >= 2:
            _draw(tensor, how)
        elif "bias" in name.rsplit(".", 1)[-1]:
            init.zeros_(tensor)


def _draw(tensor: Tensor, how: Initialisation) -> None:
    match how:
        case "xavier":
            init.xavier_uniform_(tensor)
        case "he":
            init.kaiming_normal_(tensor, nonlinearity="relu")
        case "orthogonal":
            init.orthogonal_(tensor)
        case "small":
            init.normal_(tensor, std=_SMALL)
        case "zero":
            init.zeros_(tensor)


def take_over(net: nn.Module, path: Path, head: Head | None = None) -> TakenOver:
    """Copy every tensor whose name and shape are the same; of the head what `head` says. Raises BadTraining when none
    is.
    """
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as wrong:
        raise task.BadTraining(f"the earlier weights cannot be read: {wrong}", fix="choose another version") from wrong
    own, axes = net.state_dict(), head.axes if head is not None else {}
    fits = {
        name: found[name]
        for name, tensor in own.items()
        if name in found and name not in axes and found[name].shape == tensor.shape
    }
    if not fits and not axes.keys() & found.keys():
        raise task.BadTraining(
            "no tensor of the earlier weights fits this net", fix="use the config it was trained with"
        )
    parts = {name: _classes_of(found[name], own[name], axis, head) for name, axis in axes.items() if name in found}
    net.load_state_dict({**own, **fits, **parts})
    return TakenOver(tuple(fits), tuple(sorted(own.keys() - fits.keys())))


def _classes_of(earlier: Tensor, fresh: Tensor, axis: int, head: Head | None) -> Tensor:
    """A fresh tensor of the head with the classes of the earlier one that are kept."""
    before, now = list(earlier.shape), list(fresh.shape)
    before[axis : axis + 1] = [now[axis]]
    if head is None or not head.kept or before != now:
        return fresh
    taken, given = torch.tensor(head.kept).unbind(1)
    return fresh.index_copy(axis, given, earlier.index_select(axis, taken).to(fresh))


def copied(net: nn.Module) -> dict[str, Tensor]:
    """The weights as they are now, on the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in net.state_dict().items()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """sha-256 over names, shapes and bytes: equal for equal weights."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
