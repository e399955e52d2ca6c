"""A small residual net as a torch module."""

from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets.described import residual


class Block(nn.Module):
    """Two convolutions beside a way past them."""

    def __init__(self, i: int, o: int, stride: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.norm_first, self.norm_second = nn.GroupNorm(groups, o), nn.GroupNorm(groups, o)
        self.skip = nn.Conv2d(i, o, 1, stride, bias=False) if i != o else None
        self._stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(pictures, o, height, width), height and width divided by the stride."""
        y = functional.relu(self.norm_first(self.first(x)))
        past: Tensor = self.skip(x) if self.skip is not None else x
        return functional.relu(self.norm_second(self.second(y)) + past)


class Residual(nn.Module):
    """Stages of blocks, the mean over the picture, one linear layer."""

    def __init__(self, shape: residual.Residual, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        first = shape.widths[0]
        self.stem = nn.Conv2d(shape.channels, first, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(shape.groups(first), first)
        self.blocks = nn.ModuleList(Block(i, o, 2 if i != o else 1, shape.groups(o)) for i, o in shape.pairs())
        self.head = nn.Linear(shape.widths[-1], shape.classes)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """logits (pictures, classes)."""
        x = functional.relu(self.norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return (self.head(functional.dropout(x.mean((2, 3)), self.dropout, self.training)),)
