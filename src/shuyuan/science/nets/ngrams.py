"""Hashed n-grams of texts, numbers beside them and a sentence vector, each with a linear say, to logits.

The n-gram table holds one row of logits a bucket: a logistic regression over weighted counts whose cost grows with the
n-grams of a text, not with the buckets. Rare buckets weigh more (inverse document frequency), long texts no
more than short ones.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_TINY = 1e-6
_LENGTH = 2.0  # of a text's weights: the rates that suit the rest of the net then suit the table


class Ngrams(nn.Module):
    """idf: (texts, buckets + 1), its first column 0: padding.  numbers, vector: widths, 0 where there are none.

    hidden: units between the vector and the logits; 0: linear.
    """

    idf: Tensor

    def __init__(
        self, idf: Tensor, classes: int, *, numbers: int = 0, vector: int = 0, hidden: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.numbers, self.vector, self.dropout = numbers, vector, dropout
        self.register_buffer("idf", idf)
        self.tables = nn.ModuleList(nn.Embedding(idf.shape[1], classes, padding_idx=0) for _ in idf)
        for table in self.tables:
            nn.init.zeros_(table.weight)  # type: ignore[arg-type]  # an Embedding
        self.bias = nn.Parameter(torch.zeros(classes))
        if numbers:
            self.linear = nn.Linear(numbers, classes)
        if vector:
            self.norm = nn.LayerNorm(vector)
            self.head = _head(vector, hidden, classes)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """inputs: numbers (rows, numbers), ids (rows, n-grams) of each text, vector; those there are.

        logits (rows, classes).
        """
        logits = self.bias
        if self.numbers:
            logits = logits + self.linear(inputs[0])
        for n, table in enumerate(self.tables):
            ids = inputs[n + bool(self.numbers)]
            logits = logits + (table(ids) * self._weights(n, ids)[..., None]).sum(1)
        if self.vector:
            logits = logits + self.head(self._dropped(self.norm(inputs[-1])))
        return (logits,)

    def _weights(self, text: int, ids: Tensor) -> Tensor:
        """What each n-gram counts: (rows, n-grams), every row of the same length."""
        raw = self.idf[text][ids]
        return self._dropped(raw * (_LENGTH / ((raw * raw).sum(1, keepdim=True).sqrt() + _TINY)))

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def _head(inputs: int, hidden: int, classes: int) -> nn.Module:
    if not hidden:
        return nn.Linear(inputs, classes)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, classes))
