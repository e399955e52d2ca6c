"""What a net gives for a whole part: outputs of every row, mean loss, figures."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from shuyuan.maas.training import task

_ROWS = 1_024  # a pass: enough to be quick, little enough for memory


class Evaluated(NamedTuple):
    """Outputs by name, all rows of the part; and its figures, `loss` among them."""

    outputs: task.Arrays
    figures: dict[str, float]


def evaluate(
    work: task.Work,
    net: nn.Module,
    arrays: task.Arrays,
    tensors: Mapping[str, Tensor],
    cast: AbstractContextManager[object],
    rows: int = _ROWS,
) -> Evaluated:
    """Over all rows in order, without dropout and without touching any random numbers."""
    single = type(work).loss is task.Work.loss and type(work).outputs is task.Work.outputs
    whole = len(next(iter(tensors.values())))
    parts: list[tuple[Tensor, ...]] = []
    total = weight = 0.0
    training = net.training
    net.eval()
    with torch.no_grad(), cast:
        for start in range(0, whole, rows):
            batch = {name: tensor[start : start + rows] for name, tensor in tensors.items()}
            outputs = work.outputs(net, batch)
            loss = work.loss_of(outputs, batch) if single else work.loss(net, batch)
            total, weight = total + float(loss.total), weight + float(loss.weight)
            parts.append(tuple(output.float().cpu() for output in outputs))
    net.train(training)
    found = {name: torch.cat([part[n] for part in parts]).numpy() for n, name in enumerate(work.OUTPUTS) if whole}
    figures = work.figures(found, arrays) if whole else {}
    return Evaluated(found, {**({"loss": total / weight} if weight else {}), **_finite(figures)})


def better(work: task.Work, figures: Mapping[str, float], best: float | None) -> tuple[bool, float]:
    """Whether these validation figures beat the best so far, and the value they were judged by (less is better)."""
    name, way = work.SELECT if work.SELECT[0] in figures else ("loss", "min")
    value = figures.get(name, math.inf)
    judged = value if way == "min" else -value
    return best is None or judged < best, judged


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if np.isfinite(value)}
