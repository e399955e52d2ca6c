"""A trained net with its vocabulary: predicts tables, and travels as plain arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shuyuan.science.tracing import logistic
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.neural import training
from shuyuan.science.tracing.neural.events import Packed
from shuyuan.science.tracing.vocabulary import Vocabulary

Build = Callable[[int, int], nn.Module]  # from how many items and points there are
_PREFIX = "net."


@dataclass(frozen=True)
class Neural:
    """One of the nets that need nothing but events. Pieces of `longest`, half of each is context."""

    vocabulary: Vocabulary
    net: nn.Module
    longest: int

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`."""
        packed = Packed(table, self.vocabulary, longest=self.longest, context=self.longest // 2)
        return logistic.expit(training.logits(self.net, packed))

    def to_arrays(self) -> Arrays:
        """See `family.Fitted`."""
        return {**arrays_of(self.net), "longest": np.asarray([self.longest]), **self.vocabulary.to_arrays()}


def fit(
    build: Build, train: Interactions, validation: Interactions | None, seed: int, recipe: training.Recipe
) -> Neural:
    """Train a net on `train`, its best epoch by `validation` or by learners held out."""
    rest, unseen = training.split(train, validation, seed)
    vocabulary = Vocabulary.of(train)
    packed = Packed(rest, vocabulary, longest=recipe.longest)
    held_out = Packed(unseen, vocabulary, longest=recipe.longest, context=recipe.longest // 2)
    sizes = len(vocabulary.item_ids), len(vocabulary.point_ids)
    return Neural(vocabulary, training.train(lambda: build(*sizes), packed, held_out, recipe, seed).net, recipe.longest)


def load(build: Build, arrays: Arrays) -> Neural:
    """The reverse of `Neural.to_arrays`."""
    vocabulary = Vocabulary.from_arrays(arrays)
    net = filled(build(len(vocabulary.item_ids), len(vocabulary.point_ids)), arrays)
    return Neural(vocabulary, net, int(arrays["longest"][0]))


def arrays_of(net: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """The weights of a net, by name."""
    return {_PREFIX + name: weight.cpu().numpy() for name, weight in net.state_dict().items()}


def filled(net: nn.Module, arrays: Arrays) -> nn.Module:
    """`net` with the weights of `arrays_of`, ready to predict."""
    weights = {key.removeprefix(_PREFIX): value for key, value in arrays.items() if key.startswith(_PREFIX)}
    net.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in weights.items()})
    return net.to(training.device()).eval()
