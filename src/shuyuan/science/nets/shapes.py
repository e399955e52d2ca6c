"""What a net is, without torch: its name, its sizes, the names and shapes of its tensors. Refuses giants."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Shape = tuple[int, ...]
_MAX_WIDTH, _MAX_LAYERS, _MAX_SIDE = 4_096, 16, 512


class BadShape(ValueError):
    """The description is not one of a net served here."""


@dataclass(frozen=True)
class Mlp:
    """Rows of numbers in, logits out: linear layers with ReLU between them."""

    inputs: int
    outputs: int
    hidden: tuple[int, ...] = (64,)
    NAME = "mlp"
    OUTPUTS = ("logits",)

    def input_shape(self) -> Shape:
        """Of one row."""
        return (self.inputs,)

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        widths = (self.inputs, *self.hidden, self.outputs)
        layers = enumerate(itertools.pairwise(widths))
        return {name: shape for n, (i, o) in layers for name, shape in _pair(f"layers.{n}", (o, i))}


@dataclass(frozen=True)
class Convnet:
    """Square pictures in, logits out: 3 x 3 convolutions, each halved by pooling, then one linear layer."""

    side: int
    classes: int
    channels: int = 1
    widths: tuple[int, ...] = (16, 32)
    NAME = "convnet"
    OUTPUTS = ("logits",)

    def input_shape(self) -> Shape:
        """Of one picture."""
        return (self.channels, self.side, self.side)

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        last = self.side // 2 ** len(self.widths)
        head = _pair("head", (self.classes, self.widths[-1] * last * last))
        return {**_convolutions(self.channels, self.widths), **dict(head)}


@dataclass(frozen=True)
class Detector:
    """Square pictures in, boxes (cells, 4: x1 y1 x2 y2 in pixels) and scores (cells, classes) out.

    Each cell of a grid, 2 ** len(widths) pixels wide, may hold the middle of one thing; `typical_px` is its size.
    """

    side: int
    classes: int
    channels: int = 1
    widths: tuple[int, ...] = (16, 32, 64)
    typical_px: int = 16
    NAME = "detector"
    OUTPUTS = ("boxes", "scores")

    @property
    def stride(self) -> int:
        """Pixels a cell is wide."""
        return int(2 ** len(self.widths))

    @property
    def cells(self) -> int:
        """Cells along a side."""
        return self.side // self.stride

    def input_shape(self) -> Shape:
        """Of one picture."""
        return (self.channels, self.side, self.side)

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        width = self.widths[-1]
        neck = _pair("neck", (width, width, 3, 3))
        head = _pair("head", (5 + self.classes, width, 1, 1))
        return {**_convolutions(self.channels, self.widths), **dict(neck), **dict(head)}


Net = Mlp | Convnet | Detector
NETS: Mapping[str, type[Net]] = {"mlp": Mlp, "convnet": Convnet, "detector": Detector}


def read(name: str, config: object) -> Net:
    """The net of a name and a JSON config. Raises BadShape.

    >>> read("mlp", {"inputs": 4, "outputs": 2}).tensors()["layers.0.weight"]
    (64, 4)
    """
    kind: Any = NETS.get(name)  # the fields are checked by `_sizes` and by the class itself
    if kind is None:
        raise BadShape(f"net {name!r} is unknown, use one of {', '.join(NETS)}")
    known = {field.name for field in fields(kind)}
    if not isinstance(config, dict) or set(config) - known:
        extra = sorted(set(config) - known) if isinstance(config, dict) else config
        raise BadShape(f"config of {name} does not know {extra}, it takes {', '.join(sorted(known))}")
    try:
        made: Net = kind(**{key: _sizes(key, value) for key, value in config.items()})
    except TypeError as wrong:
        raise BadShape(f"config of {name}: {wrong}") from wrong
    if not isinstance(made, Mlp) and (made.side > _MAX_SIDE or made.side % 2 ** len(made.widths) or not made.widths):
        raise BadShape(f"side {made.side} must divide by {2 ** len(made.widths)} and be at most {_MAX_SIDE}")
    return made


def _sizes(key: str, value: object) -> int | tuple[int, ...]:
    many: list[Any] = list(value) if isinstance(value, list | tuple) else [value]  # checked next
    if len(many) > _MAX_LAYERS or not all(type(n) is int and 1 <= n <= _MAX_WIDTH for n in many):
        raise BadShape(f"{key} must be 1 to {_MAX_WIDTH}, at most {_MAX_LAYERS} of them, got {str(value)[:60]}")
    return tuple(many) if isinstance(value, list | tuple) else int(many[0])


def _convolutions(channels: int, widths: tuple[int, ...]) -> dict[str, Shape]:
    steps = enumerate(zip((channels, *widths), widths, strict=False))
    return {name: shape for n, (i, o) in steps for name, shape in _pair(f"convolutions.{n}", (o, i, 3, 3))}


def _pair(name: str, weight: Shape) -> list[tuple[str, Shape]]:
    return [(f"{name}.weight", weight), (f"{name}.bias", weight[:1])]
