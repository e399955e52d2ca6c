"""Self-attentive knowledge tracing: what is asked attends to earlier answers. Knows points and items.

Source: Pandey & Karypis (2019), EDM, with items beside points as in Gervet et al. (2020), JEDM 12(3); an event of
several points is one step, their mean in.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.neural import fitted
from shuyuan.science.tracing.neural.events import Events
from shuyuan.science.tracing.neural.parts import SPREAD, Answered, Attention, Feed, Items, Points, earlier
from shuyuan.science.tracing.neural.training import Recipe

NAME = "sakt"
RECIPE = Recipe(rate=2e-3, rare_decay=1e-1)
WIDTH, HEADS, DROPOUT = 64, 4, 0.2


class Sakt(nn.Module):
    """One block of attention; a first place that stands for "nothing yet"."""

    def __init__(self, items: int, points: int, width: int = WIDTH) -> None:
        super().__init__()
        self.point, self.item = Points(points, width), Items(items, width, hidden=0.1)
        self.answered = Answered(points, width)
        self.place = nn.Parameter(torch.randn(RECIPE.longest, width) * SPREAD)
        self.attention, self.feed = Attention(width, HEADS, DROPOUT), Feed(width, DROPOUT)
        self.out = nn.Linear(width, 1)

    def forward(self, events: Events) -> Tensor:
        """(B, T) logits"""
        item = functional.dropout(self.item.of(events), DROPOUT, self.training)
        asked, sign = self.point.of(events) + item, (2.0 * events.right - 1.0)[:, :, None]
        seen = earlier(self.answered.of(events) + sign * item) + self.place[: asked.shape[1]]
        told: Tensor = self.out(self.feed(asked, self.attention(asked, seen, seen)))[:, :, 0]
        return told


def fit(
    train: Interactions, *, validation: Interactions | None = None, seed: int = 0, recipe: Recipe = RECIPE
) -> fitted.Neural:
    """See `family.Algorithm`. Pieces may be shorter than those of RECIPE, not longer."""
    return fitted.fit(Sakt, train, validation, seed, recipe)


def load(arrays: Arrays) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.load(Sakt, arrays)
