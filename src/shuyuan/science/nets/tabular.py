"""Numbers and categories to logits, as a torch module."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets.described import tabular


class Tabular(nn.Module):
    """Embeddings beside the numbers, linear layers with ReLU and dropout between them."""

    def __init__(self, shape: tabular.Tabular, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.embeddings = nn.ModuleList(
            nn.Embedding(rows, width) for rows, width in zip(shape.cardinalities, shape.widths, strict=True)
        )
        widths = (shape.joint, *shape.hidden, shape.outputs)
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(widths))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """inputs: numbers (rows, numbers), then an index (rows,) a category column. logits (rows, outputs)."""
        dense, indices = (inputs[:1], inputs[1:]) if self.shape.numbers else ((), inputs)
        parts = [*dense, *(table(index) for table, index in zip(self.embeddings, indices, strict=True))]
        x = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        for layer in list(self.layers)[:-1]:
            x = functional.dropout(functional.relu(layer(x)), self.dropout, self.training)
        return (self.layers[-1](x),)
