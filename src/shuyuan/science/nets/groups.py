"""k-means as a net: distances to centres. Seeding by k-means++, one step of Lloyd as one gradient step of rate 1.

Sources: Arthur & Vassilvitskii (2007) for the seeding; Bottou & Bengio (1995): Lloyd's algorithm is Newton's on the
quantisation error; Sculley (2010) for batches.
"""

import math

import torch
from torch import Tensor, nn

_SEEDED_ON = 20_000  # rows; a sample of more changes the seeding little


class Centres(nn.Module):
    """k centres of rows of numbers."""

    def __init__(self, k: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(k, width))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """x: (rows, width). Squared distances (rows, k)."""
        squares = (x * x).sum(1, keepdim=True) + (self.centres * self.centres).sum(1)
        return ((squares - 2 * x @ self.centres.T).clamp(min=0.0),)


def error(distances: Tensor) -> Tensor:
    """Squared distance of each row to its centre, summed. Its gradient moves a centre to the mean of its rows.

    The value is that of the quantisation error; each row's gradient is divided by the share of its centre, so that
    a step of rate 1 over the mean loss lands on the mean, however many rows a centre has.
    """
    nearest, which = distances.min(1)
    counts = torch.bincount(which, minlength=distances.shape[1])
    scaled = (nearest * (0.5 * len(which) / counts[which])).sum()
    return nearest.sum().detach() + scaled - scaled.detach()


def seeds(x: Tensor, k: int) -> Tensor:
    """k rows far from each other, drawn with torch's generator: (k, width). Of a few draws the best one is kept."""
    if len(x) > _SEEDED_ON:
        x = x[torch.randperm(len(x))[:_SEEDED_ON]]
    chosen = x[torch.randint(len(x), (1,))]
    nearest = ((x - chosen) ** 2).sum(1)
    tries = 2 + int(math.log(k))
    while len(chosen) < k:
        spread = bool(nearest.sum() > 0)
        weights = nearest if spread else torch.ones_like(nearest)  # fewer different rows than centres
        drawn = x[torch.multinomial(weights, tries, replacement=True)]
        left = torch.minimum(nearest, ((x[None] - drawn[:, None]) ** 2).sum(2))  # (tries, rows)
        best = int(left.sum(1).argmin())
        chosen, nearest = torch.cat([chosen, drawn[best : best + 1]]), left[best]
    return chosen
