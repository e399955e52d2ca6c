"""The optimisers, against first steps computed by hand: one weight 1, gradient 0.5, rate 0.1."""

from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import torch
from torch import nn

from shuyuan.maas.training import optimisers
from shuyuan.maas.training.options import Config, Optimiser


class One(nn.Module):
    """A single weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))


def stepped(config: Config, steps: int) -> list[float]:
    net, found = One(), []
    optimiser = optimisers.make(config, net)
    for _ in range(steps):
        net.weight.grad = torch.full((1,), 0.5)
        optimiser.step()
        found.append(net.weight.item())
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gd", [0.95, 0.90]),
        ("sgd", [0.95, 0.90]),
        ("momentum", [0.95, 0.855]),  # v = 0.5, then 0.9 * 0.5 + 0.5 = 0.95
        ("rmsprop", [0.0, -0.7088812]),  # mean squares 0.0025, then 0.99 * 0.0025 + 0.01 * 0.25 = 0.004975
        ("adam", [0.9, 0.8]),  # corrected moments are 0.5 and 0.25 while the gradient stays
        ("adamw", [0.9, 0.8]),
    ],
)
def test_first_two_steps_are_those_computed_by_hand(name: Optimiser, wanted: list[float]) -> None:
    found = stepped(Config(optimiser=name, rate=0.1, momentum=0.9), 2)
    assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sgd", 1 - 0.1 * (0.5 + 0.2)),  # the pull is part of the gradient
        ("adam", 0.9),  # and vanishes in Adam's scaling
        ("adamw", 1 - 0.1 * 0.2 - 0.1),  # but not in AdamW's
    ],
)
def test_weight_decay_pulls_as_each_optimiser_defines_it(name: Optimiser, wanted: float) -> None:
    assert stepped(Config(optimiser=name, rate=0.1, weight_decay=0.2), 1) == pytest.approx([wanted], abs=1e-6)


def test_each_group_keeps_its_own_highest_rate() -> None:
    slow, fast = One(), One()
    net = nn.ModuleList([slow, fast])
    groups: list[dict[str, Any]] = [
        {"params": list(slow.parameters()), "lr": 0.01},
        {"params": list(fast.parameters())},
    ]
    optimiser = optimisers.make(Config(optimiser="sgd", rate=0.1), net, groups)
    optimisers.set_rate(optimiser, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [0.005, 0.05]


def test_what_is_frozen_is_not_trained() -> None:
    net = nn.ModuleList([One(), One()])
    net[0].requires_grad_(False)
    optimiser = optimisers.make(Config(), net)
    assert [len(group["params"]) for group in optimiser.param_groups] == [1]
