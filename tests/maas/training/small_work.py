"""A work for tests of the trainer: a line through points, nothing encoded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shuyuan.maas.training import task
from shuyuan.maas.training.options import Config

torch.set_num_threads(1)  # so small a net is slower on two


class Line(task.Work):
    """One linear layer from x to y."""

    OUTPUTS = ("y",)

    def __init__(self, width: int = 1) -> None:
        self.width = width

    def arrays(self, table: task.Table) -> task.Arrays:
        return {name: np.asarray(column, np.float32) for name, column in table.items()}

    def net(self) -> nn.Module:
        return Layer(self.width)

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        return task.Loss(((outputs[0][:, 0] - batch["y"]) ** 2).sum(), len(batch["y"]))

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        return task.Predictions(arrays["y"].tolist(), outputs["y"][:, 0].tolist())


class Layer(nn.Module):
    """y = w x + b."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.layer(x),)


def points(rows: int, *, slope: float = 2.0, seed: int = 0) -> task.Arrays:
    """x and y = slope x."""
    x = np.random.default_rng(seed).normal(size=(rows, 1)).astype(np.float32)
    return {"x": x, "y": (slope * x[:, 0]).astype(np.float32)}


def config(**options: Any) -> Config:
    """Plain descent unless said otherwise."""
    return Config.model_validate({"optimiser": "sgd", "rate": 0.1, "epochs": 5, "batch": 4, **options})


def slope(net: nn.Module) -> float:
    """What it has learned."""
    assert isinstance(net, Layer)
    return float(torch.as_tensor(net.layer.weight).item())
