"""A small causal Transformer over tokens: as a language model, and as a reader of texts with a head on top.

Both share the names of their trunk, so what the first has learned is where the second may begin.
Source: Vaswani et al. (2017), normalised before each block as in Radford et al. (2019).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_SPREAD = 0.02  # of fresh weights. Source: Radford et al. (2019)


class Trunk(nn.Module):
    """Token ids to hidden states. Token 0 is padding."""

    def __init__(self, tokens: int, length: int, width: int, layers: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} must divide by the number of heads, {heads}")
        self.tokens = nn.Embedding(tokens, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.apply(_draw)

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (rows, time), time at most `length`. (rows, time, width)."""
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        hidden: Tensor = self.norm(x)
        return hidden


class Block(nn.Module):
    """Causal attention, then two layers, each added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, time, width) to the same."""
        x = x + self._dropped(self.out(self._attended(self.before(x))))
        return x + self._dropped(self.down(functional.gelu(self.up(self.between(x)))))

    def _attended(self, x: Tensor) -> Tensor:
        rows, time, width = x.shape
        q, k, v = self.qkv(x).view(rows, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(q, k, v, is_causal=True)  # (rows, heads, time, part)
        return found.transpose(1, 2).reshape(rows, time, width)

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class Language(nn.Module):
    """Which token comes next. Its output table is its input table."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, ids: Tensor) -> tuple[Tensor, ...]:
        """logits (rows, time, tokens)."""
        return (functional.linear(self.trunk(ids), self.trunk.tokens.weight),)


class Reader(nn.Module):
    """Which class a text is of: the mean hidden state of its tokens, then a linear layer."""

    def __init__(self, trunk: Trunk, classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(trunk.tokens.embedding_dim, classes)

    def forward(self, ids: Tensor) -> tuple[Tensor, ...]:
        """logits (rows, classes)."""
        there = (ids > 0).to(torch.float32)
        mean = (self.trunk(ids) * there[..., None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1.0)
        return (self.head(mean),)


def _draw(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=_SPREAD)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
