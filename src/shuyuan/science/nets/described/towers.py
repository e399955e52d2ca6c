"""A person and an item in, how well they fit out: two towers that meet in a dot product."""

from dataclasses import dataclass

from shuyuan.science.nets.described import base


@dataclass(frozen=True)
class TwoTower(base.Sizes):
    """persons, items: indices, 0 for the unknown included.  hidden: one layer a tower."""

    persons: int
    items: int
    width: int = 32
    hidden: int = 64
    NAME = "two_tower"
    OUTPUTS = ("score",)
    LIMITS = base.limits(persons=1 << 22, items=1 << 22)

    def ports(self) -> tuple[base.Input, ...]:
        """Index of the person, index of the item."""
        return (base.Input("person", "int64", ()), base.Input("item", "int64", ()))

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        found: dict[str, base.Shape] = {"item_bias.weight": (self.items, 1)}
        for name, rows in (("person", self.persons), ("item", self.items)):
            found |= {f"{name}.embedding.weight": (rows, self.width)}
            found |= base.pair(f"{name}.up", (self.hidden, self.width))
            found |= base.pair(f"{name}.down", (self.width, self.hidden))
        return found
