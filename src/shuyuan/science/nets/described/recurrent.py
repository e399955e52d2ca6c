"""Sequences of items in, logits out: an embedding, a recurrent net (plain, LSTM, GRU), one linear layer."""

from dataclasses import dataclass

from shuyuan.science.nets.described import base

_GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@dataclass(frozen=True)
class Recurrent(base.Sizes):
    """vocabulary: indices, 0 (unknown and padding) included.  length: items a row, padded on the right."""

    vocabulary: int
    length: int
    outputs: int
    width: int = 32
    hidden: int = 64
    layers: int = 1
    cell: str = "gru"
    NAME = "recurrent"
    OUTPUTS = ("logits",)
    LIMITS = base.limits(vocabulary=1 << 22)
    CHOICES = base.choices(cell=tuple(_GATES))

    def ports(self) -> tuple[base.Input, ...]:
        """Items and mask."""
        return (base.Input("items", "int64", (self.length,)), base.Input("mask", "bool", (self.length,)))

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        gates = _GATES[self.cell] * self.hidden
        found: dict[str, base.Shape] = {"embedding.weight": (self.vocabulary, self.width)}
        for layer in range(self.layers):
            wide = self.hidden if layer else self.width
            found |= {f"cells.weight_ih_l{layer}": (gates, wide), f"cells.weight_hh_l{layer}": (gates, self.hidden)}
            found |= {f"cells.bias_ih_l{layer}": (gates,), f"cells.bias_hh_l{layer}": (gates,)}
        return {**found, **base.pair("head", (self.outputs, self.hidden))}
