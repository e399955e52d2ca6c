"""What a net is, without torch: its name, its sizes, the names and shapes of its tensors. Refuses giants."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shuyuan.science.nets.described import autoencoder, base, recurrent, residual, tabular, towers, transformer

Shape = base.Shape
BadShape = base.BadShape
_MAX_SIDE = 512


@dataclass(frozen=True)
class Mlp(base.Sizes):
    """Rows of numbers in, logits out: linear layers with ReLU between them."""

    inputs: int
    outputs: int
    hidden: tuple[int, ...] = (64,)
    NAME = "mlp"
    OUTPUTS = ("logits",)

    def input_shape(self) -> Shape:
        """Of one row."""
        return (self.inputs,)

    def ports(self) -> tuple[base.Input, ...]:
        """One row of numbers."""
        return (base.Input("x", "float32", self.input_shape()),)

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        widths = (self.inputs, *self.hidden, self.outputs)
        layers = enumerate(itertools.pairwise(widths))
        return {name: shape for n, (i, o) in layers for name, shape in _pair(f"layers.{n}", (o, i))}


@dataclass(frozen=True)
class Convnet(base.Sizes):
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

    def ports(self) -> tuple[base.Input, ...]:
        """One picture a row."""
        return (base.Input("image", "float32", self.input_shape()),)

    def check(self) -> None:
        """Raises BadShape when the side cannot be halved as often as it is wide."""
        if self.side > _MAX_SIDE or self.side % 2 ** len(self.widths) or not self.widths:
            raise BadShape(f"side {self.side} must divide by {2 ** len(self.widths)} and be at most {_MAX_SIDE}")

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        last = self.side // 2 ** len(self.widths)
        head = _pair("head", (self.classes, self.widths[-1] * last * last))
        return {**_convolutions(self.channels, self.widths), **dict(head)}


@dataclass(frozen=True)
class Detector(base.Sizes):
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

    def ports(self) -> tuple[base.Input, ...]:
        """One picture a row."""
        return (base.Input("image", "float32", self.input_shape()),)

    def check(self) -> None:
        """Raises BadShape when the side cannot be halved as often as it is wide."""
        if self.side > _MAX_SIDE or self.side % 2 ** len(self.widths) or not self.widths:
            raise BadShape(f"side {self.side} must divide by {2 ** len(self.widths)} and be at most {_MAX_SIDE}")

    def tensors(self) -> dict[str, Shape]:
        """Name and shape of every parameter."""
        width = self.widths[-1]
        neck = _pair("neck", (width, width, 3, 3))
        head = _pair("head", (5 + self.classes, width, 1, 1))
        return {**_convolutions(self.channels, self.widths), **dict(neck), **dict(head)}


Plain = Mlp | Convnet | Detector  # those that `netgraph` writes as ONNX without torch
Net = (
    Plain
    | tabular.Tabular
    | residual.Residual
    | recurrent.Recurrent
    | transformer.Transformer
    | transformer.EncoderDecoder
    | towers.TwoTower
    | autoencoder.Autoencoder
)
NETS: Mapping[str, type[Net]] = {
    "mlp": Mlp,
    "convnet": Convnet,
    "detector": Detector,
    "tabular": tabular.Tabular,
    "residual": residual.Residual,
    "recurrent": recurrent.Recurrent,
    "transformer": transformer.Transformer,
    "encoder_decoder": transformer.EncoderDecoder,
    "two_tower": towers.TwoTower,
    "autoencoder": autoencoder.Autoencoder,
}


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
        made: Net = kind(**{key: _value(kind, key, value) for key, value in config.items()})
    except TypeError as wrong:
        raise BadShape(f"config of {name}: {wrong}") from wrong
    made.check()
    return made


def _value(kind: type[base.Sizes], key: str, value: object) -> int | str | tuple[int, ...]:
    if words := kind.CHOICES.get(key):
        if value not in words:
            raise BadShape(f"{key} must be one of {', '.join(words)}, got {str(value)[:60]}")
        return str(value)
    many: list[Any] = list(value) if isinstance(value, list | tuple) else [value]  # checked next
    least, most = kind.LEAST.get(key, 1), kind.LIMITS.get(key, base.MAX_WIDTH)
    longest = kind.LENGTHS.get(key, base.MAX_LAYERS)
    if len(many) > longest or not all(type(n) is int and least <= n <= most for n in many):
        raise BadShape(f"{key} must be {least} to {most}, at most {longest} of them, got {str(value)[:60]}")
    return tuple(many) if isinstance(value, list | tuple) else int(many[0])


def _convolutions(channels: int, widths: tuple[int, ...]) -> dict[str, Shape]:
    steps = enumerate(zip((channels, *widths), widths, strict=False))
    return {name: shape for n, (i, o) in steps for name, shape in _pair(f"convolutions.{n}", (o, i, 3, 3))}


def _pair(name: str, weight: Shape) -> list[tuple[str, Shape]]:
    return [(f"{name}.weight", weight), (f"{name}.bias", weight[:1])]
