"""The optimisers by name."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from shuyuan.maas.training.options import Config

_SECOND = 0.999  # decay of Adam's second moment. Source: Kingma & Ba (2015)
_SMOOTHING = 0.99  # of RMSprop. Source: Hinton's lecture 6e


def make(config: Config, net: nn.Module, groups: Sequence[Mapping[str, Any]] | None = None) -> torch.optim.Optimizer:
    """Over every trainable parameter, or over the groups. Each group remembers its own highest rate as `highest`.

    gd, sgd: w -= rate * gradient; they differ in the batch.  momentum: v = momentum * v + gradient, w -= rate * v.
    Fused: one pass over all weights; the same numbers up to rounding.
    """
    given: Any = (
        [dict(group) for group in groups] if groups is not None else _trainable(net)
    )  # torch's own type is wide
    rate, decay, first = config.rate, config.weight_decay, config.momentum
    made: torch.optim.Optimizer
    match config.optimiser:
        case "gd" | "sgd":
            made = torch.optim.SGD(given, rate, weight_decay=decay, fused=True)
        case "momentum":
            made = torch.optim.SGD(given, rate, momentum=first, weight_decay=decay, fused=True)
        case "rmsprop":
            made = torch.optim.RMSprop(given, rate, alpha=_SMOOTHING, weight_decay=decay)
        case "adam":
            made = torch.optim.Adam(given, rate, betas=(first, _SECOND), weight_decay=decay, fused=True)
        case "adamw":
            made = torch.optim.AdamW(given, rate, betas=(first, _SECOND), weight_decay=decay, fused=True)
    for group in made.param_groups:
        group["highest"] = group["lr"]
    return made


def set_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Every group's rate as a share of its highest."""
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * factor


def _trainable(net: nn.Module) -> list[nn.Parameter]:
    return [tensor for tensor in net.parameters() if tensor.requires_grad]
