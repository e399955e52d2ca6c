"""Rows of numbers in, the same rows out through a narrow middle, and the middle itself."""

import itertools
from dataclasses import dataclass

from shuyuan.science.nets.described import base


@dataclass(frozen=True)
class Autoencoder(base.Sizes):
    """code: width of the middle.  hidden: widths on the way in, the same backwards on the way out."""

    numbers: int
    code: int = 8
    hidden: tuple[int, ...] = (64,)
    NAME = "autoencoder"
    OUTPUTS = ("again", "code")
    LIMITS = base.limits(numbers=1 << 16)

    def ports(self) -> tuple[base.Input, ...]:
        """One row of numbers."""
        return (base.Input("features", "float32", (self.numbers,)),)

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        way = (self.numbers, *self.hidden, self.code)
        ways = {"inward": way, "outward": way[::-1]}
        return {
            key: shape
            for name, widths in ways.items()
            for n, (i, o) in enumerate(itertools.pairwise(widths))
            for key, shape in base.pair(f"{name}.{n}", (o, i)).items()
        }
