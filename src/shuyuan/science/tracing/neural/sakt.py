"""Self-attentive knowledge tracing: the asked points attend to earlier answers. Knows points, not items.

Source: Pandey & Karypis (2019), EDM; an event of several points is one step, their mean in.
"""

import torch
from torch import Tensor, nn

from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.neural import fitted
from shuyuan.science.tracing.neural.events import Events
from shuyuan.science.tracing.neural.parts import SPREAD, Answered, Attention, Feed, Points, earlier
from shuyuan.science.tracing.neural.training import Recipe

NAME = "sakt"
RECIPE = Recipe(rate=2e-3, rare_decay=1e-4, longest=200)
WIDTH, HEADS, DROPOUT = 64, 4, 0.2


class Sakt(nn.Module):
    """One block of attention; a first place that stands for "nothing yet"."""

    def __init__(self, items: int, points: int, width: int = WIDTH) -> None:
        super().__init__()
        self.asked, self.answered = Points(points, width), Answered(points, width)
        self.place = nn.Parameter(torch.randn(RECIPE.longest, width) * SPREAD)
        self.attention, self.feed = Attention(width, HEADS, DROPOUT), Feed(width, DROPOUT)
        self.out = nn.Linear(width, 1)

    def forward(self, events: Events) -> Tensor:
        """(B, T) logits"""
        asked = self.asked.of(events)
        seen = earlier(self.answered.of(events)) + self.place[: asked.shape[1]]
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
