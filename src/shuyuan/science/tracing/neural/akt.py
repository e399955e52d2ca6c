"""Attentive knowledge tracing: attention that fades with the time between, measured by what lies there.

Questions and answers are first seen in their own context, then a question retrieves earlier answers. A score falls
exponentially with the distance, in which events count the more the more they are attended to themselves. Items vary
their points as in a Rasch model. Source: Ghosh, Heffernan & Lan (2020), KDD (AKT-R); an event of several points is
one step, their mean in.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.neural import fitted
from shuyuan.science.tracing.neural.events import Events
from shuyuan.science.tracing.neural.parts import Answered, Feed, Items, Points
from shuyuan.science.tracing.neural.training import Recipe

NAME = "akt"
RECIPE = Recipe(rate=2e-3, rare_decay=1e-2, longest=128)
WIDTH, HEADS, DROPOUT = 64, 4, 0.2
_FAINTEST = 1e-5  # what is left of a score at the greatest distance


class Fading(nn.Module):
    """Monotonic attention. strict: an event does not see itself, so the first sees nothing."""

    def __init__(self, width: int, *, strict: bool) -> None:
        super().__init__()
        self.strict = strict
        self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(3))  # a query is looked up as a key
        self.fade = nn.Parameter(torch.zeros(HEADS, 1, 1))
        self.feed = Feed(width, DROPOUT)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """All (B, T, width)."""
        q, k, v = (part.view(*part.shape[:2], HEADS, -1).transpose(1, 2) for part in self._projected(query, key, value))
        score = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])  # (B, heads, T, T)
        time = score.shape[2]
        hidden = torch.ones(time, time, dtype=torch.bool, device=score.device).triu(0 if self.strict else 1)
        score = score * self._faded(score.detach(), hidden)
        weight = score.masked_fill(hidden, -torch.inf).softmax(3).nan_to_num(0.0)
        found = functional.dropout(weight, DROPOUT, self.training) @ v
        told: Tensor = self.feed(query, self.out(found.transpose(1, 2).flatten(2)))
        return told

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.key(query), self.key(key), self.value(value)

    def _faded(self, score: Tensor, hidden: Tensor) -> Tensor:
        """(B, heads, T, T) what distance leaves of each score."""
        with torch.no_grad():
            weight = score.masked_fill(hidden, -torch.inf).softmax(3).nan_to_num(0.0)
            between = (weight.sum(3, keepdim=True) - weight.cumsum(3)).clamp(min=0.0)
            place = torch.arange(score.shape[2], device=score.device)
            distance = (between * (place[:, None] - place).abs()).sqrt()
        return torch.exp(-functional.softplus(self.fade) * distance).clamp(min=_FAINTEST)


class Akt(nn.Module):
    """Two encoders and a retriever."""

    def __init__(self, items: int, points: int, width: int = WIDTH) -> None:
        super().__init__()
        self.point, self.way = Points(points, width), Points(points, width)
        self.answered, self.answered_way = Answered(points, width), Answered(points, width)
        self.item = Items(items, 1, spread=0.0)
        self.questions, self.answers = Fading(width, strict=False), Fading(width, strict=False)
        self.retriever = Fading(width, strict=True)
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(width, 1))

    def forward(self, events: Events) -> Tensor:
        """(B, T) logits"""
        item = self.item.of(events)
        question = self.point.of(events) + item * self.way.of(events)
        answer = self.answered.of(events) + item * self.answered_way.of(events)
        asked, known = self.questions(question, question, question), self.answers(answer, answer, answer)
        told: Tensor = self.out(torch.cat([self.retriever(asked, asked, known), question], 2))[:, :, 0]
        return told


def fit(
    train: Interactions, *, validation: Interactions | None = None, seed: int = 0, recipe: Recipe = RECIPE
) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.fit(Akt, train, validation, seed, recipe)


def load(arrays: Arrays) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.load(Akt, arrays)
