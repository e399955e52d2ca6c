"""Two towers as a torch module. Source: Covington et al. (2016), Yi et al. (2019), on identifiers alone."""

from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets.described import towers


class Tower(nn.Module):
    """An identifier to a vector: its embedding and what two layers make of it."""

    def __init__(self, rows: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self._dropout = dropout

    def forward(self, index: Tensor) -> Tensor:
        """index of any shape; (..., width)."""
        x: Tensor = functional.dropout(self.embedding(index), self._dropout, self.training)
        more: Tensor = self.down(functional.relu(self.up(x)))
        return x + more


class TwoTower(nn.Module):
    """How well persons and items fit."""

    def __init__(self, shape: towers.TwoTower, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.person = Tower(shape.persons, shape.width, shape.hidden, dropout)
        self.item = Tower(shape.items, shape.width, shape.hidden, dropout)
        self.item_bias = nn.Embedding(shape.items, 1)
        nn.init.zeros_(self.item_bias.weight)

    def score(self, persons: Tensor, items: Tensor) -> Tensor:
        """persons (rows, width), items: indices (rows, many). (rows, many)."""
        fits: Tensor = (self.item(items) @ persons[..., None])[..., 0] + self.item_bias(items)[..., 0]
        return fits

    def forward(self, person: Tensor, item: Tensor) -> tuple[Tensor, ...]:
        """score (rows,) of each person with the item beside it."""
        return (self.score(self.person(person), item[:, None])[:, 0],)
