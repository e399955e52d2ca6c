"""An autoencoder as a torch module."""

import itertools

from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets.described import autoencoder


class Autoencoder(nn.Module):
    """Linear layers to a narrow middle and back."""

    def __init__(self, shape: autoencoder.Autoencoder, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        way = (shape.numbers, *shape.hidden, shape.code)
        self.inward = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(way))
        self.outward = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(way[::-1]))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """again (rows, numbers), code (rows, code)."""
        code = _through(self.inward, functional.dropout(x, self.dropout, self.training))
        return _through(self.outward, code), code


def _through(layers: nn.ModuleList, x: Tensor) -> Tensor:
    *first, last = layers
    for layer in first:
        x = functional.relu(layer(x))
    found: Tensor = last(x)
    return found
