"""Two nets of one kind side by side, that begin with the same weights and see the same rows."""

from torch import Tensor, nn


class Pair(nn.Module):
    """The second begins as a copy of the first."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        second.load_state_dict(first.state_dict())
        self.first, self.second = first, second

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The first output of each."""
        return self.first(*inputs)[0], self.second(*inputs)[0]
