"""Rows of numbers and categories in, logits or values out: embeddings beside the numbers, then linear layers."""

import itertools
from dataclasses import dataclass

from shuyuan.science.nets.described import base


@dataclass(frozen=True)
class Tabular(base.Sizes):
    """With `hidden` empty it is linear or logistic regression. numbers: how many columns of numbers (0: none).

    cardinalities: of each category column, index 0 for the unknown included.  widths: of their embeddings.
    """

    outputs: int
    numbers: int = 0
    cardinalities: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()
    hidden: tuple[int, ...] = (64,)
    NAME = "tabular"
    OUTPUTS = ("logits",)
    LIMITS = base.limits(cardinalities=1 << 22, numbers=1 << 16)
    LEAST = base.limits(numbers=0)
    LENGTHS = base.limits(cardinalities=512, widths=512)

    def ports(self) -> tuple[base.Input, ...]:
        """`features`, and one index for each category column."""
        numbers = base.Input("features", "float32", (self.numbers,))
        categories = tuple(base.Input(f"index_{n}", "int64", ()) for n in range(len(self.cardinalities)))
        return ((numbers,) if self.numbers else ()) + categories

    @property
    def joint(self) -> int:
        """Width of numbers and embeddings side by side."""
        return self.numbers + sum(self.widths)

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        tables = enumerate(zip(self.cardinalities, self.widths, strict=True))
        layers = enumerate(itertools.pairwise((self.joint, *self.hidden, self.outputs)))
        return {
            **{f"embeddings.{n}.weight": (rows, width) for n, (rows, width) in tables},
            **base.joined(base.pair(f"layers.{n}", (o, i)) for n, (i, o) in layers),
        }

    def check(self) -> None:
        """Raises BadShape when there is nothing to read, or embeddings without a width."""
        if not self.joint or len(self.cardinalities) != len(self.widths):
            raise base.BadShape(f"{len(self.cardinalities)} cardinalities need as many widths, got {len(self.widths)}")
