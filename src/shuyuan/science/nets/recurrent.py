"""A recurrent classifier of sequences as a torch module."""

from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets.described import recurrent

_CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """Reads a sequence from left to right and answers from the state after its last item."""

    def __init__(self, shape: recurrent.Recurrent, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.cells = _CELLS[shape.cell](shape.width, shape.hidden, shape.layers, batch_first=True)
        self.head = nn.Linear(shape.hidden, shape.outputs)

    def forward(self, items: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """items (rows, length), mask (rows, length). logits (rows, outputs)."""
        x = functional.dropout(self.embedding(items), self.dropout, self.training)
        states = self.cells(x)[0]  # (rows, length, hidden)
        last = (mask.long().sum(1) - 1).clamp(min=0)
        state = states.gather(1, last[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]
        return (self.head(functional.dropout(state, self.dropout, self.training)),)
