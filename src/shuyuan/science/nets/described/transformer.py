"""Sequences of items in, logits out: a Transformer encoder. And from sequence to sequence: encoder and decoder."""

from dataclasses import dataclass

from shuyuan.science.nets.described import base


@dataclass(frozen=True)
class Transformer(base.Sizes):
    """vocabulary: indices, 0 (unknown and padding) included.  width: of every layer.  heads: must divide it."""

    vocabulary: int
    length: int
    outputs: int
    width: int = 64
    heads: int = 4
    layers: int = 2
    NAME = "transformer"
    OUTPUTS = ("logits",)
    LIMITS = base.limits(vocabulary=1 << 22)

    def ports(self) -> tuple[base.Input, ...]:
        """Items and mask."""
        return (base.Input("items", "int64", (self.length,)), base.Input("mask", "bool", (self.length,)))

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        return {
            "embedding.weight": (self.vocabulary, self.width),
            "places.weight": (self.length, self.width),
            **base.joined(_layer(f"layers.{n}", self.width, ("attention",)) for n in range(self.layers)),
            **base.pair("norm", (self.width,)),
            **base.pair("head", (self.outputs, self.width)),
        }

    def check(self) -> None:
        """Raises BadShape when the heads do not share the width."""
        _check(self.width, self.heads)


@dataclass(frozen=True)
class EncoderDecoder(base.Sizes):
    """source, target: vocabularies, source_length, target_length: items a row. A target begins with its start."""

    source: int
    target: int
    source_length: int
    target_length: int
    width: int = 64
    heads: int = 4
    layers: int = 2
    NAME = "encoder_decoder"
    OUTPUTS = ("logits",)
    LIMITS = base.limits(source=1 << 22, target=1 << 22)

    def ports(self) -> tuple[base.Input, ...]:
        """Source, its mask, and the target as far as it is known."""
        source = base.Input("source", "int64", (self.source_length,))
        mask = base.Input("mask", "bool", (self.source_length,))
        return (source, mask, base.Input("target", "int64", (self.target_length,)))

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        encoder = (_layer(f"encoder.{n}", self.width, ("attention",)) for n in range(self.layers))
        decoder = (_layer(f"decoder.{n}", self.width, ("attention", "across")) for n in range(self.layers))
        return {
            "read.weight": (self.source, self.width),
            "written.weight": (self.target, self.width),
            "source_places.weight": (self.source_length, self.width),
            "target_places.weight": (self.target_length, self.width),
            **base.joined(encoder),
            **base.joined(decoder),
            **base.pair("encoder_norm", (self.width,)),
            **base.pair("decoder_norm", (self.width,)),
            **base.pair("head", (self.target, self.width)),
        }

    def check(self) -> None:
        """Raises BadShape when the heads do not share the width."""
        _check(self.width, self.heads)


def _layer(name: str, width: int, attentions: tuple[str, ...]) -> dict[str, base.Shape]:
    found: dict[str, base.Shape] = {}
    for one in attentions:
        found |= base.pair(f"{name}.{one}.norm", (width,)) | base.pair(f"{name}.{one}.asks", (width, width))
        found |= base.pair(f"{name}.{one}.told", (2 * width, width)) | base.pair(f"{name}.{one}.out", (width, width))
    found |= base.pair(f"{name}.norm", (width,)) | base.pair(f"{name}.up", (4 * width, width))
    return found | base.pair(f"{name}.down", (width, 4 * width))


def _check(width: int, heads: int) -> None:
    if width % heads:
        raise base.BadShape(f"width {width} must divide by heads {heads}")
