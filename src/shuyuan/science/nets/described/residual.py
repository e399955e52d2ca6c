"""Square pictures in, logits out: residual blocks, each stage half as wide as the last. Source: He et al. (2016)."""

import itertools
from dataclasses import dataclass

from shuyuan.science.nets.described import base

_GROUPS = 8


@dataclass(frozen=True)
class Residual(base.Sizes):
    """widths: channels of each stage.  blocks: in each stage. Groups are normalised, so batches may be of any size."""

    side: int
    classes: int
    channels: int = 1
    widths: tuple[int, ...] = (16, 32, 64)
    blocks: int = 1
    NAME = "residual"
    OUTPUTS = ("logits",)

    def ports(self) -> tuple[base.Input, ...]:
        """One picture a row."""
        return (base.Input("image", "float32", (self.channels, self.side, self.side)),)

    def groups(self, width: int) -> int:
        """Groups that `width` channels are normalised in."""
        return next(n for n in range(min(_GROUPS, width), 0, -1) if width % n == 0)

    def tensors(self) -> dict[str, base.Shape]:
        """Name and shape of every parameter."""
        first = self.widths[0]
        found = {"stem.weight": (first, self.channels, 3, 3), **base.pair("norm", (first,))}
        for number, (i, o) in enumerate(self.pairs()):
            name = f"blocks.{number}"
            found |= {f"{name}.first.weight": (o, i, 3, 3), f"{name}.second.weight": (o, o, 3, 3)}
            found |= base.pair(f"{name}.norm_first", (o,)) | base.pair(f"{name}.norm_second", (o,))
            found |= {f"{name}.skip.weight": (o, i, 1, 1)} if i != o else {}
        return {**found, **base.pair("head", (self.classes, self.widths[-1]))}

    def pairs(self) -> list[tuple[int, int]]:
        """Channels in and out of each block, in order."""
        wide = [self.widths[0], *(width for width in self.widths for _ in range(self.blocks))]
        return list(itertools.pairwise(wide))

    def check(self) -> None:
        """Raises BadShape when a picture would shrink to nothing."""
        if not self.widths or self.side > 512 or self.side < 2 ** (len(self.widths) - 1):
            raise base.BadShape(f"side {self.side} must be {2 ** (len(self.widths) - 1)} to 512")
