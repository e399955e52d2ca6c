"""The net of the tracer `recurrent`, and what its fits share: a correction of the served Kalman step.

A gated recurrent state of a learner's answers, vectors of item and points, and `features`, whose Kalman logit the net
adds to. Kalman fit and neighbours are crossed over learners, so that the net learns how far to trust them with
strangers. Source: Cho et al. (2014), EMNLP (the recurrent unit).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.tracing import logistic, online
from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.neural import features, fitted, training
from shuyuan.science.tracing.neural.events import Events, Packed
from shuyuan.science.tracing.neural.parts import Items, Points, earlier
from shuyuan.science.tracing.neural.training import Recipe
from shuyuan.science.tracing.online import weights
from shuyuan.science.tracing.online.neighbours import Neighbours
from shuyuan.science.tracing.vocabulary import Vocabulary

WIDTH, ITEM_WIDTH, POINT_WIDTH = 64, 16, 24
DROPOUT, ITEM_DROPOUT, HIDDEN_ITEMS = 0.4, 0.6, 0.15


class Recurrent(nn.Module):
    """Logits of `Events` whose `extra` are `features`."""

    centre: Tensor
    scale: Tensor

    def __init__(self, items: int, points: int, width: int = WIDTH) -> None:
        super().__init__()
        question = ITEM_WIDTH + POINT_WIDTH + features.COLUMNS
        self.item, self.easy = Items(items, ITEM_WIDTH, hidden=HIDDEN_ITEMS), Items(items, 1, spread=0.0)
        self.point = Points(points, POINT_WIDTH)
        self.register_buffer("centre", torch.zeros(features.COLUMNS))
        self.register_buffer("scale", torch.ones(features.COLUMNS))
        self.trust = nn.Parameter(torch.ones(1))
        self.into, self.state = nn.Linear(question + 2, width), nn.GRU(width, width, batch_first=True)
        self.first, self.second = nn.Linear(question + width, width), nn.Linear(width, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, events: Events) -> Tensor:
        """(B, T) logits"""
        item, expected = self.item.shown(events.item), events.extra[:, :, 0]
        vector = functional.dropout(self.item(item), ITEM_DROPOUT, self.training)
        question = torch.cat([vector, self.point.of(events), (events.extra - self.centre) * self.scale], 2)
        answer = torch.stack([2.0 * events.right - 1.0, events.right - torch.sigmoid(expected)], 2)
        hidden = earlier(self.state(torch.tanh(self.into(torch.cat([question, answer], 2))))[0])
        hidden = functional.dropout(hidden, DROPOUT, self.training)
        inner = torch.relu(self.first(torch.cat([question, hidden], 2)))
        told: Tensor = self.second(functional.dropout(inner, DROPOUT, self.training))[:, :, 0]
        corrected: Tensor = self.trust * expected + self.easy(item)[:, :, 0] + told
        return corrected

    def standardise(self, extra: Floats) -> "Recurrent":
        """Centre and scale features by these rows."""
        self.centre = torch.tensor(extra.mean(0), dtype=torch.float32)
        self.scale = torch.tensor(1.0 / np.maximum(extra.std(0), 0.05), dtype=torch.float32)
        return self


@dataclass(frozen=True)
class Fitted:
    """A net, and what it stands on."""

    vocabulary: Vocabulary
    params: online.Params
    around: Neighbours
    net: nn.Module

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`. Every learner is read in one piece, as the served step would."""
        extra = features.before(table, self.params, self.around)
        packed = Packed(table, self.vocabulary, longest=len(table) + 1, extra=extra)
        return logistic.expit(training.logits(self.net, packed))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `family.Fitted`; `online.weights.Net.from_arrays` reads the same."""
        return {**weights.write(self.params, self.around, self.vocabulary), **fitted.arrays_of(self.net)}


@dataclass(frozen=True)
class Prepared:
    """All that nets of one fit share: the table with its features, and learners to select by."""

    train: Interactions
    extra: Floats
    validation: Interactions | None
    params: online.Params
    around: Neighbours
    vocabulary: Vocabulary

    @classmethod
    def of(cls, train: Interactions, validation: Interactions | None, seed: int) -> "Prepared":
        """Fit the Kalman step and look at the neighbours, crossed over learners."""
        kalman = online.select_and_fit(train, seed=seed, validation=validation)
        extra, around = features.crossed(train, kalman.settings, seed=seed)
        return cls(train, extra, validation, kalman.params, around, Vocabulary.of(train))

    def trained(self, recipe: Recipe, seed: int, target: Floats | None = None) -> Fitted:
        """One net. target: (N,) what it should say of the rows of `train`, else the answers."""
        rest, unseen = self._split(seed)
        fit = self._packed(rest, recipe.longest, self.train.correct if target is None else target)
        sizes = len(self.vocabulary.item_ids), len(self.vocabulary.point_ids)
        net = training.train(lambda: Recurrent(*sizes).standardise(self.extra), fit, unseen, recipe, seed).net
        return Fitted(self.vocabulary, self.params, self.around, net)

    def said(self, one: Fitted) -> Floats:
        """(N,) what a net says of the rows of `train`, from crossed features."""
        whole = Packed(self.train, self.vocabulary, longest=len(self.train) + 1, extra=self.extra)
        return logistic.expit(training.logits(one.net, whole))

    def _split(self, seed: int) -> tuple[npt.NDArray[np.bool_], Packed]:
        every = np.ones(len(self.train), np.bool_)
        longest = len(self.train) + 1
        if self.validation is not None:
            extra = features.before(self.validation, self.params, self.around)
            return every, Packed(self.validation, self.vocabulary, longest=longest, extra=extra)
        rest, _ = training.split(self.train, None, seed)
        kept = np.isin(self.train.learner, rest.learner)
        return kept, self._packed(every if kept.all() else ~kept, longest, self.train.correct)

    def _packed(self, rows: npt.NDArray[np.bool_], longest: int, target: npt.NDArray[Any]) -> Packed:  # Any: bool or so
        table = self.train.take(np.flatnonzero(rows))
        return Packed(table, self.vocabulary, longest=longest, extra=self.extra[rows], target=target[rows])
