"""How badly an autoencoder draws a row: the score by which unusual rows are found, and where usual ends."""

import torch
from torch import Tensor, nn


class Scored(nn.Module):
    """An autoencoder with the error of each row beside what it gives."""

    threshold: Tensor

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("threshold", torch.tensor(float("inf")))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """x: (rows, numbers). reconstruction (rows, numbers), code (rows, code), score (rows,): mean squared error."""
        again, code = self.net(x)
        return again, code, ((again - x) ** 2).mean(1)
