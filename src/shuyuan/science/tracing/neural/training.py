"""Train any net of this room: one recipe, the best epoch by learners that were held out, seeded, on a GPU where one is.

A net is a torch module from `Events` to logits (B, T), each from earlier events of its piece alone. Loss is the mean
log loss over the events that are asked. The global random state is left as it was.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.neural.events import Packed

HELD_OUT = 0.1  # of the learners, to select the epoch by, where none are given
FEWEST_TO_HOLD_OUT = 10
FEWEST_POSITIONS = 256
WARMING = 30  # updates until the full rate


@dataclass(frozen=True)
class Recipe:
    """How a net is trained."""

    epochs: int = 12
    patience: int = 2  # epochs without a better held-out loss before it stops
    rate: float = 3e-3  # of Adam at its highest; rises over the first updates, then falls by a cosine to nothing
    decay: float = 1e-4  # of weights, apart from the gradient
    rare_decay: float = 1e-2  # of weights that belong to one item or point: most are rare
    positions: int = 4096  # places a batch, padding included; fewer for a small table
    updates: int = 40  # a small table is cut into so many batches at least
    longest: int = 200  # events of a piece
    clip: float = 1.0  # longest gradient


class Epoch(NamedTuple):
    """What one pass brought, and how fast it went."""

    held_out_loss: float
    interactions_per_s: float


@dataclass(frozen=True)
class Trained:
    """The best net found, and the way there."""

    net: nn.Module
    epochs: Sequence[Epoch]


def train(build: Callable[[], nn.Module], fit: Packed, held_out: Packed, recipe: Recipe, seed: int) -> Trained:
    """The net of the best epoch on `held_out`. The same seed, data and machine give the same net."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Run(build().to(device()), fit, recipe, seed).to_the_best(held_out)


def split(train: Interactions, validation: Interactions | None, seed: int) -> tuple[Interactions, Interactions]:
    """The learners to fit and those to select by; a table too small to spare any selects by itself."""
    if validation is not None:
        return train, validation
    if len(np.unique(train.learner)) < FEWEST_TO_HOLD_OUT:
        return train, train
    return train.split(HELD_OUT, seed)


def logits(net: nn.Module, packed: Packed, positions: int = 16_384) -> Floats:
    """(N,) of every answer of the table, in its order."""
    net.eval()
    found = np.zeros(len(packed.right))
    with torch.inference_mode():
        for events in packed.batches(positions):
            told = net(events.to(device()))[events.asked.to(device())]
            found[events.row[events.asked].numpy()] = told.double().cpu().numpy()
    return found


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Run:
    """One training: passes over the data, and the best of them."""

    def __init__(self, net: nn.Module, fit: Packed, recipe: Recipe, seed: int) -> None:
        self.net, self.fit, self.recipe, self.seed = net, fit, recipe, seed
        small = max(FEWEST_POSITIONS, fit.pieces.events // recipe.updates)
        self.positions = min(recipe.positions, small)
        self.optimiser = torch.optim.AdamW(_parts(net, recipe), lr=recipe.rate)
        self.total = recipe.epochs * sum(1 for _ in fit.batches(self.positions, seed))
        self.done = 0

    def to_the_best(self, held_out: Packed) -> Trained:
        """Train until it gets no better; the net as it was at its best."""
        epochs: list[Epoch] = []
        best = copy.deepcopy(self.net.state_dict())
        for number in range(self.recipe.epochs):
            began = time.perf_counter()
            self.epoch(number)
            speed = self.fit.pieces.events / (time.perf_counter() - began)
            epochs.append(Epoch(loss(logits(self.net, held_out), held_out.right), speed))
            losses = [epoch.held_out_loss for epoch in epochs]
            if losses[-1] == min(losses):
                best = copy.deepcopy(self.net.state_dict())
            if len(losses) - 1 - int(np.argmin(losses)) >= self.recipe.patience:
                break
        self.net.load_state_dict(best)
        return Trained(self.net.eval(), epochs)

    def epoch(self, number: int) -> None:
        """One pass over the data, in an order of its own."""
        self.net.train()
        for events in self.fit.batches(self.positions, seed=self.seed * 1000 + number):
            events = events.to(device())
            for group in self.optimiser.param_groups:
                group["lr"] = self._rate()
            self.optimiser.zero_grad(set_to_none=True)
            told, target = self.net(events)[events.asked], events.target[events.asked]
            functional.binary_cross_entropy_with_logits(told, target).backward()  # type: ignore[no-untyped-call]  # torch
            nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
            self.optimiser.step()
            self.done += 1

    def _rate(self) -> float:
        warm = min(1.0, (self.done + 1) / min(WARMING, max(self.total // 10, 1)))
        return self.recipe.rate * warm * 0.5 * (1.0 + math.cos(math.pi * min(self.done / self.total, 1.0)))


def loss(logit: Floats, target: np.ndarray) -> float:
    """Mean log loss; targets may be probabilities."""
    return float(np.mean(np.logaddexp(0.0, logit) - target * logit))


def _parts(net: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """Weights of single items and points decay harder."""
    rare = {id(weight) for part in net.modules() if isinstance(part, nn.Embedding) for weight in part.parameters()}
    weights = list(net.parameters())
    return [
        {"params": [one for one in weights if id(one) in rare], "weight_decay": recipe.rare_decay},
        {"params": [one for one in weights if id(one) not in rare], "weight_decay": recipe.decay},
    ]
