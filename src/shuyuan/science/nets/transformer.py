"""Transformer encoder, and encoder with decoder, as torch modules. Source: Vaswani et al. (2017), normalised before."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.nets.described import transformer

_NEVER = -1e9  # finite: a row that may look at nothing then looks at everything alike instead of becoming NaN


class Attention(nn.Module):
    """Normalise, look, add."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.asks, self.told = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self._heads, self._width = heads, width // heads

    def forward(self, x: Tensor, hidden: Tensor, memory: Tensor | None = None) -> Tensor:
        """x (rows, items, width) looks at itself or `memory`; hidden (rows or 1, items or 1, seen): what it may not."""
        normal = self.norm(x)
        keys, values = self.told(normal if memory is None else memory).chunk(2, dim=-1)
        q, k, v = (self._split(one) for one in (self.asks(normal), keys, values))
        scores = q @ k.transpose(2, 3) * self._width**-0.5  # (rows, heads, items, looked at)
        seen = scores.masked_fill(hidden[:, None], _NEVER).softmax(-1) @ v
        more: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return x + more

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self._heads, self._width).transpose(1, 2)


class Layer(nn.Module):
    """Attention (in a decoder also across to the source), then two linear layers."""

    def __init__(self, width: int, heads: int, dropout: float, *, across: bool = False) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.across = Attention(width, heads) if across else None
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self._dropout = dropout

    def forward(self, x: Tensor, hidden: Tensor, memory: Tensor | None = None, absent: Tensor | None = None) -> Tensor:
        """Same shape as x. absent: items of the memory that are padding."""
        x = self.attention(x, hidden)
        if self.across is not None and absent is not None:
            x = self.across(x, absent, memory)
        more = self.down(functional.gelu(self.up(self.norm(x))))
        return x + functional.dropout(more, self._dropout, self.training)


class Transformer(nn.Module):
    """Classifies a sequence from the mean over its items."""

    def __init__(self, shape: transformer.Transformer, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.places = nn.Embedding(shape.length, shape.width)
        self.layers = nn.ModuleList(Layer(shape.width, shape.heads, dropout) for _ in range(shape.layers))
        self.norm, self.head = nn.LayerNorm(shape.width), nn.Linear(shape.width, shape.outputs)

    def forward(self, items: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """items (rows, length), mask (rows, length). logits (rows, outputs)."""
        x, absent = self.embedding(items) + self.places.weight, ~mask[:, None]
        for layer in self.layers:
            x = layer(x, absent)
        there = mask[..., None].to(x.dtype)
        return (self.head((self.norm(x) * there).sum(1) / there.sum(1).clamp(min=1)),)


class EncoderDecoder(nn.Module):
    """Reads a source, gives the next item after each item of the target so far."""

    def __init__(self, shape: transformer.EncoderDecoder, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        width, heads = shape.width, shape.heads
        self.read, self.written = nn.Embedding(shape.source, width), nn.Embedding(shape.target, width)
        self.source_places = nn.Embedding(shape.source_length, width)
        self.target_places = nn.Embedding(shape.target_length, width)
        self.encoder = nn.ModuleList(Layer(width, heads, dropout) for _ in range(shape.layers))
        self.decoder = nn.ModuleList(Layer(width, heads, dropout, across=True) for _ in range(shape.layers))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, shape.target)
        later = torch.ones(shape.target_length, shape.target_length, dtype=torch.bool).triu(1)
        self.register_buffer("_later", later[None], persistent=False)

    def encode(self, source: Tensor, mask: Tensor) -> Tensor:
        """source (rows, source_length). (rows, source_length, width)."""
        x = self.read(source) + self.source_places.weight
        for layer in self.encoder:
            x = layer(x, ~mask[:, None])
        memory: Tensor = self.encoder_norm(x)
        return memory

    def decode(self, memory: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """target (rows, target_length), its start item first. logits (rows, target_length, target)."""
        x = self.written(target) + self.target_places.weight
        for layer in self.decoder:
            x = layer(x, self._later, memory, ~mask[:, None])
        logits: Tensor = self.head(self.decoder_norm(x))
        return logits

    def forward(self, source: Tensor, mask: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """logits (rows, target_length, target): at each place, of the item after it."""
        return (self.decode(self.encode(source, mask), mask, target),)
