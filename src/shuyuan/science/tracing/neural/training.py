"""Train any net of this room: one recipe, the best epoch by learners that were held out, seeded, on a GPU where one is.

A net is a torch module from `Events` to logits (B, T), each from earlier events of its piece alone. Loss is the mean
log loss over the events that are asked. The global random state is left as it was.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.neural.events import Events, Packed

HELD_OUT = 0.1  # of the learners, to select the epoch by, where none are given
FEWEST_TO_HOLD_OUT = 20
FEWEST_POSITIONS = 256
WARMING = 30  # updates until the full rate


@dataclass(frozen=True)
class Recipe:
    """How a net is trained."""

    epochs: int = 12
    patience: int = 3  # epochs without a better held-out loss before it stops
    rate: float = 3e-3  # of Adam at its highest; rises over the first updates, then falls by a cosine to nothing
    decay: float = 1e-4  # of weights, apart from the gradient
    rare_decay: float = 1e-2  # of weights that belong to one item or point: most are rare
    positions: int = 4096  # places a batch, padding included; fewer for a small table
    updates: int = 40  # a small table is cut so that an epoch has about so many
    longest: int = 200  # events of a piece
    clip: float = 1.0


@dataclass(frozen=True)
class Epoch:
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
        net = build().to(device())
        return _train(net, fit, held_out, recipe, seed)


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
            told = net(moved(events))[moved(events.asked)].double().cpu()
            found[events.row[events.asked].numpy()] = told.numpy()
    return found


def moved(what: "Events | Tensor") -> "Events | Tensor":
    """On the device of the training."""
    if isinstance(what, Tensor):
        return what.to(device())
    return Events(*(getattr(what, field.name).to(device()) for field in fields(Events)))


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
