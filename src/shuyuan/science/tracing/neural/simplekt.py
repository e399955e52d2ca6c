"""simpleKT: plain attention over points that each item varies a little, by one number of its own.

Source: Liu et al. (2023), ICLR; an event of several points is one step, their mean in.
"""

import math

import torch
from torch import Tensor, nn

from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.neural import fitted
from shuyuan.science.tracing.neural.events import Events
from shuyuan.science.tracing.neural.parts import Attention, Feed, Items, Points, earlier
from shuyuan.science.tracing.neural.training import Recipe

NAME = "simplekt"
RECIPE = Recipe(rate=2e-3, rare_decay=1e-2)
WIDTH, HEADS, DROPOUT, BLOCKS = 64, 4, 0.2, 2


class Varied(nn.Module):
    """A question: its points, and how far its item is along the way its points vary."""

    def __init__(self, items: int, points: int, width: int) -> None:
        super().__init__()
        self.point, self.way = Points(points, width), Points(points, width)
        self.item = Items(items, 1, spread=0.0)

    def forward(self, events: Events) -> Tensor:
        told: Tensor = self.point.of(events) + self.item.of(events) * self.way.of(events)
        return told


class SimpleKt(nn.Module):
    """Questions ask, earlier questions are looked up, what is found there is how they were answered."""

    def __init__(self, items: int, points: int, width: int = WIDTH) -> None:
        super().__init__()
        self.question, self.answer = Varied(items, points, width), nn.Embedding(2, width)
        self.attention = nn.ModuleList(Attention(width, HEADS, DROPOUT) for _ in range(BLOCKS))
        self.feed = nn.ModuleList(Feed(width, DROPOUT) for _ in range(BLOCKS))
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(width, 1))

    def forward(self, events: Events) -> Tensor:
        """(B, T) logits"""
        question = self.question(events)
        placed = question + _places(question)
        seen, key, x = earlier(placed + self.answer(events.right.long())), earlier(placed), placed
        for attention, feed in zip(self.attention, self.feed, strict=True):
            x = feed(x, attention(x, key, seen))
        told: Tensor = self.out(torch.cat([x, question], 2))[:, :, 0]
        return told


def _places(x: Tensor) -> Tensor:
    """(T, width) sines and cosines, as small as embeddings are. Source: Vaswani et al. (2017)."""
    time, width = x.shape[1:]
    wave = torch.exp(torch.arange(0, width, 2, device=x.device) * (-math.log(10_000.0) / width))
    angle = torch.arange(time, device=x.device)[:, None] * wave
    return torch.stack([torch.sin(angle), torch.cos(angle)], 2).flatten(1) * 0.1


def fit(
    train: Interactions, *, validation: Interactions | None = None, seed: int = 0, recipe: Recipe = RECIPE
) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.fit(SimpleKt, train, validation, seed, recipe)


def load(arrays: Arrays) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.load(SimpleKt, arrays)
