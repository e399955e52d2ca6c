"""Train the weights of an ONNX graph a little more, so that it answers again as its parent did. Child process only.

The graph is run with torch, operator by operator; what comes out is only ever weights, put back into the same graph.
Soft labels: the parent's answers at a temperature (Hinton, Vinyals & Dean 2015). Binary weights are trained through
their signs, the gradient passed straight to what lies behind (Courbariaux et al. 2015).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shuyuan.maas.compression import interface, operators
from shuyuan.maas.compression import net as nets

Array = NDArray[Any]  # of whatever type the graph takes
Form = Callable[[Tensor], Tensor]  # what a trained weight is turned into before it is used
_SUMS_TO_ONE = 1e-3


@dataclass(frozen=True)
class Lesson:
    """How it is trained. share_of_truth: of the loss, where labels are known; the rest is the parent's answers."""

    epochs: int
    rate: float = 1e-3
    batch: int = 64
    temperature: float = 2.0
    share_of_truth: float = 0.3
    seed: int = 7


def tune(
    net: nets.Net,
    feeds: Mapping[str, Array],
    parent: Array,
    labels: Array | None,
    output: str,
    classes: int,
    lesson: Lesson,
    *,
    forms: Mapping[str, Form] = {},
    threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> None:
    """Change the float weights of `net` in place. parent: its answers for `feeds`.  classes: 0 for values.

    forms: a mask or a sign that a weight keeps while it is trained; the weight left behind is in that form.
    Raises CannotCompress when an operator is unknown to torch here, or the loss is no number.
    """
    if unknown := operators.unknown(net):
        raise interface.CannotCompress(
            f"a graph with {', '.join(unknown)} cannot be trained here", fix="set epochs to 0"
        )
    torch.set_num_threads(threads)
    torch.manual_seed(lesson.seed)
    weights = {name: torch.from_numpy(np.array(array)) for name, array in net.weights.items()}
    trained = {name: tensor.requires_grad_() for name, tensor in weights.items() if tensor.dtype == torch.float32}
    optimiser = torch.optim.Adam(trained.values(), lr=lesson.rate)
    given = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in feeds.items()}
    told, known = torch.from_numpy(parent), None if labels is None else torch.from_numpy(labels)
    rows, steps = len(parent), lesson.epochs * -(-len(parent) // lesson.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lesson.rate, total_steps=max(steps, 2))
    likely, heard, done = classes > 0 and _are_probabilities(parent), time.monotonic(), 0
    for _ in range(lesson.epochs):
        for part in torch.split(torch.randperm(rows), lesson.batch):
            shaped = {name: forms[name](tensor) if name in forms else tensor for name, tensor in weights.items()}
            found = operators.run(net, shaped | {name: array[part] for name, array in given.items()}, output)
            truth = None if known is None else known[part]
            loss = _loss(found, told[part], truth, classes, likely, lesson)
            if not torch.isfinite(loss):
                raise interface.CannotCompress("the loss is no number any more", fix="give a smaller rate")
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimiser.step()
            schedule.step()
            done += 1
            if time.monotonic() - heard > 0.5:
                heard = time.monotonic()
                tell(done / steps)
    with torch.no_grad():
        for name, tensor in trained.items():
            left = forms[name](tensor) if name in forms else tensor
            net.set(name, left.numpy().copy())


def _loss(found: Tensor, told: Tensor, truth: Tensor | None, classes: int, likely: bool, lesson: Lesson) -> Tensor:
    if not classes:
        return functional.mse_loss(found, told)
    logits = found.clamp_min(1e-9).log() if likely else found
    wanted = told.clamp_min(1e-9).log() if likely else told
    soft = (
        functional.kl_div(
            functional.log_softmax(logits / lesson.temperature, dim=1),
            functional.log_softmax(wanted / lesson.temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        * lesson.temperature**2
    )
    if truth is None or lesson.share_of_truth == 0 or truth.dtype.is_floating_point or not bool((truth >= 0).any()):
        return soft
    hard = functional.cross_entropy(logits, truth.long(), ignore_index=-1)
    return (1 - lesson.share_of_truth) * soft + lesson.share_of_truth * hard


def _are_probabilities(answers: Array) -> bool:
    return bool(answers.min() >= 0 and np.abs(answers.sum(axis=1) - 1).max() < _SUMS_TO_ONE)


class Sign(torch.autograd.Function):
    """Signs times the mean size of a unit's weights; the gradient goes through as if nothing had happened."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, axes: tuple[int, ...]) -> Tensor:
        scale = weight.abs().mean(dim=axes, keepdim=True)
        return torch.where(weight >= 0, scale, -scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None
