"""Larger nets that compute the same: wider and deeper. Source: Chen, Goodfellow & Shlens (2016), Net2Net.

A unit that is doubled shares what it sends on with its copy, in random shares, so that the two learn different things.
"""

import dataclasses
from typing import TypeVar

import torch
from torch import Tensor, nn

from shuyuan.science.nets import modules, tabular

Layered = TypeVar("Layered", modules.Mlp, tabular.Tabular)


def grown(net: Layered, hidden: tuple[int, ...]) -> Layered:
    """The net with these hidden widths: each at least as wide as now, further layers after the present ones.

    Raises ValueError when a layer would become narrower or there would be fewer.
    """
    now: tuple[int, ...] = net.shape.hidden
    if len(hidden) < len(now) or any(wide < was for wide, was in zip(hidden, now, strict=False)):
        raise ValueError(f"hidden {hidden} must be as wide and as deep as {now}")
    if not now and hidden:
        raise ValueError("a net without hidden layers has none to grow from; begin with one")
    for _ in range(len(now), len(hidden)):
        net = deeper(net)
    for layer, wide in enumerate(hidden):
        net = wider(net, layer, wide)
    return net


def wider(net: Layered, layer: int, width: int) -> Layered:
    """Hidden layer `layer` with `width` units, the further ones copies of units drawn at random."""
    hidden = list(net.shape.hidden)
    more = width - hidden[layer]
    if more <= 0:
        return net
    copied = torch.randint(hidden[layer], (more,))
    old, onward = _linear(net, layer), _linear(net, layer + 1)
    hidden[layer] = width
    made = _made(net, tuple(hidden))
    with torch.no_grad():
        _linear(made, layer).weight.copy_(torch.cat([old.weight, old.weight[copied]]))
        _linear(made, layer).bias.copy_(torch.cat([old.bias, old.bias[copied]]))
        columns = torch.cat([torch.arange(width - more), copied])
        _linear(made, layer + 1).weight.copy_(onward.weight[:, columns] * _shares(columns, width - more))
        _linear(made, layer + 1).bias.copy_(onward.bias)
    return made


def deeper(net: Layered) -> Layered:
    """One more hidden layer before the last linear one, which at first passes on what it is given."""
    hidden: tuple[int, ...] = net.shape.hidden
    made = _made(net, (*hidden, hidden[-1]))
    last = len(hidden)
    with torch.no_grad():
        nn.init.eye_(_linear(made, last).weight)  # ReLU leaves what a ReLU gave as it is
        nn.init.zeros_(_linear(made, last).bias)
        _linear(made, last + 1).load_state_dict(_linear(net, last).state_dict())
    return made


def _shares(columns: Tensor, units: int) -> Tensor:
    """Of what each unit sent on: random, adding up to 1 over a unit and its copies."""
    drawn = 0.5 + torch.rand(len(columns))
    whole = torch.zeros(units).index_add_(0, columns, drawn)
    return drawn / whole[columns]


def _made(net: Layered, hidden: tuple[int, ...]) -> Layered:
    """A net with these hidden widths; every tensor that kept its shape is taken over."""
    made = type(net)(dataclasses.replace(net.shape, hidden=hidden), net.dropout)
    fits = made.state_dict()
    fits |= {name: one for name, one in net.state_dict().items() if name in fits and fits[name].shape == one.shape}
    made.load_state_dict(fits)
    return made


def _linear(net: modules.Mlp | tabular.Tabular, number: int) -> nn.Linear:
    found = net.layers[number]
    assert isinstance(found, nn.Linear)
    return found
