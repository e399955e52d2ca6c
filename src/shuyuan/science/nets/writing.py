"""Write a sequence item by item: the likeliest next one each time, until every row has ended. Greedy, no beam."""

import torch
from torch import Tensor, nn

from shuyuan.science.nets.transformer import EncoderDecoder


class Reads(nn.Module):
    """The encoder alone."""

    def __init__(self, net: EncoderDecoder) -> None:
        super().__init__()
        self.net = net

    def forward(self, source: Tensor, mask: Tensor) -> Tensor:
        """source, mask (rows, source_length). What the decoder looks at."""
        return self.net.encode(source, mask)


class Continues(nn.Module):
    """The decoder alone: what comes after each place."""

    def __init__(self, net: EncoderDecoder) -> None:
        super().__init__()
        self.net = net

    def forward(self, memory: Tensor, mask: Tensor, written: Tensor) -> Tensor:
        """written (rows, target_length), its start first. The likeliest next item at every place, the same shape."""
        return self.net.decode(memory, mask, written).argmax(-1)


class Greedy(nn.Module):
    """A sequence for each row: items, then its end, then padding. (rows, target_length) int64."""

    def __init__(self, reads: nn.Module, continues: nn.Module, length: int, pad: int, start: int, end: int) -> None:
        super().__init__()
        self.reads, self.continues = reads, continues
        self.length, self.pad, self.start, self.end = length, pad, start, end

    def forward(self, source: Tensor, mask: Tensor) -> Tensor:
        """What is written of each row."""
        memory = self.reads(source, mask)
        written = torch.full((source.shape[0], self.length + 1), self.pad, dtype=torch.int64, device=source.device)
        written[:, 0] = self.start
        going = torch.ones((source.shape[0],), dtype=torch.bool, device=source.device)
        places = torch.arange(self.length + 1, device=source.device)
        at = 0
        while at < self.length and bool(going.any()):
            following = self.continues(memory, mask, written[:, : self.length])[:, at]
            following = torch.where(going, following, torch.full_like(following, self.pad))
            written = torch.where((places == at + 1)[None], following[:, None], written)
            going = going & (following != self.end)
            at += 1
        return written[:, 1:]


def greedy(net: EncoderDecoder, pad: int, start: int, end: int) -> Greedy:
    """As it is used beside training."""
    return Greedy(Reads(net), Continues(net), net.shape.target_length, pad, start, end)


def exportable(net: EncoderDecoder, source: Tensor, mask: Tensor, pad: int, start: int, end: int) -> nn.Module:
    """The same with its loop kept as a loop: a graph of any length of target is as large. source, mask: some rows."""
    with torch.no_grad():
        reads = torch.jit.trace(Reads(net), (source, mask), check_trace=False)  # type: ignore[no-untyped-call]
        memory = reads(source, mask)
        written = torch.full((len(source), net.shape.target_length), start, dtype=torch.int64)
        continues = torch.jit.trace(Continues(net), (memory, mask, written), check_trace=False)  # type: ignore[no-untyped-call]
    made: nn.Module = torch.jit.script(Greedy(reads, continues, net.shape.target_length, pad, start, end))
    return made
