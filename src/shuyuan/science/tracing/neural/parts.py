"""Pieces that several nets share: embeddings of points, items and answers, and attention to earlier events only."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from shuyuan.science.tracing.neural.events import Events

SPREAD = 0.1  # standard deviation of an embedding before training


class Points(nn.Embedding):
    """The mean of the vectors of an event's points. The last row, of unknown points, stays zero: an average point."""

    def __init__(self, points: int, width: int) -> None:
        super().__init__(points + 1, width)
        nn.init.normal_(self.weight, std=SPREAD)
        with torch.no_grad():
            self.weight[-1] = 0.0

    def of(self, events: Events) -> Tensor:
        """(B, T, width)"""
        return functional.embedding(events.group, events.members @ self.weight)


class Items(nn.Embedding):
    """A vector an item. While training a share of them is hidden, so the last row becomes that of an unknown item."""

    def __init__(self, items: int, width: int, *, spread: float = SPREAD, hidden: float = 0.05) -> None:
        super().__init__(items + 1, width)
        nn.init.normal_(self.weight, std=spread) if spread else nn.init.zeros_(self.weight)
        self.hidden = hidden

    def of(self, events: Events) -> Tensor:
        """(B, T, width)"""
        vector: Tensor = self(self.shown(events.item))
        return vector

    def shown(self, item: Tensor) -> Tensor:
        """`item` with some hidden while training."""
        if not self.training:
            return item
        return torch.where(torch.rand(item.shape, device=item.device) < self.hidden, self.num_embeddings - 1, item)


class Answered(nn.Module):
    """What an answer says: a vector for right and one for wrong of every point."""

    def __init__(self, points: int, width: int) -> None:
        super().__init__()
        self.right, self.wrong = Points(points, width), Points(points, width)

    def of(self, events: Events) -> Tensor:
        """(B, T, width)"""
        both = torch.stack([events.members @ self.wrong.weight, events.members @ self.right.weight], 1)
        return functional.embedding(2 * events.group + events.right.long(), both.flatten(0, 1))


def earlier(x: Tensor) -> Tensor:
    """(B, T, width): each event's place holds the one before; the first, zeros."""
    return functional.pad(x[:, :-1], (0, 0, 1, 0))


class HeldDropout(nn.Module):
    """Dropout of the same units at every time of a piece. Source: Gal & Ghahramani (2016), NeurIPS 29."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * functional.dropout(torch.ones_like(x[:, :1]), self.share)


def halved(x: Tensor, *, training: bool) -> torch.autocast:
    """bfloat16 where it pays: training fused recurrent layers on processors with instructions for it, 1.7 times as
    fast. Predictions stay in float32."""
    pays = training and x.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(x.device.type, torch.bfloat16, enabled=pays)


class Feed(nn.Module):
    """Add and normalise, then the same with two layers between. Source: Vaswani et al. (2017)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, found: Tensor) -> Tensor:
        x = self.first(x + self.dropout(found))
        told: Tensor = self.second(x + self.dropout(self.layers(x)))
        return told


class Attention(nn.Module):
    """Fused attention of each event to events up to its own. Those who want earlier ones only shift keys and values."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def split(self, x: Tensor) -> Tensor:
        """(B, heads, T, width / heads)"""
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        asked = functional.scaled_dot_product_attention(
            self.split(self.query(query)),
            self.split(self.key(key)),
            self.split(self.value(value)),
            is_causal=True,
            dropout_p=self.dropout if self.training else 0.0,
        )
        told: Tensor = self.out(asked.transpose(1, 2).flatten(2))
        return told
