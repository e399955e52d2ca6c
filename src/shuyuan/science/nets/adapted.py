"""A large language model that stays as it is, seen through the few adapter weights that are trained.

Only the adapters are parameters of this net: checkpoints, optimiser and digest hold them alone. Knows a model as what
takes `input_ids`, gives `logits` and can do without its adapters; refuses to load one.
"""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

PADDING = -1
_AT_ONCE = 16  # rows a pass when judging: logits over a vocabulary are large


class Adapted(nn.Module):
    """Which rows of tokens are likely. model: its trainable parameters are the adapters."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._held = [model]  # in a list: not a child, so not saved
        self._before: dict[bytes, Tensor] = {}
        for name, tensor in model.named_parameters():
            if tensor.requires_grad:
                self.register_parameter(name.replace(".", ":"), tensor)

    @property
    def model(self) -> nn.Module:
        """The whole model, adapters in it."""
        return self._held[0]

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """tokens: (rows, time), -1 behind the end. Of each row, all float (rows,): negative log-likelihood, how many
        tokens were told, and the likelihood without adapters (zeros while training)."""
        if self.training:
            surprise, count = self._told(tokens)
            return surprise, count, torch.zeros_like(count)
        parts = [(*self._told(some), self._first(some)) for some in torch.split(tokens, _AT_ONCE)]
        return tuple(torch.cat(column) for column in zip(*parts, strict=True))

    def _told(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        longest = max(int((tokens != PADDING).sum(1).max()), 2)
        ids = tokens[:, :longest]
        return surprise(self.model(input_ids=ids.clamp(min=0)).logits, ids, PADDING)

    def _first(self, tokens: Tensor) -> Tensor:
        """What the model said before training: it stays the same, so it is asked once."""
        key = tokens.cpu().numpy().tobytes()
        if key not in self._before:
            with self.model.disable_adapter():  # type: ignore[operator]  # of peft's model
                self._before[key] = self._told(tokens)[0]
        return self._before[key]

    def train(self, mode: bool = True) -> Self:
        """The model too: its adapters may drop out."""
        self.model.train(mode)
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.model._apply(fn)  # type: ignore[no-untyped-call]  # torch's own: the model moves along
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def surprise(logits: Tensor, ids: Tensor, padding: int) -> tuple[Tensor, Tensor]:
    """Of each row: negative log-likelihood of every token after the first, and how many there are."""
    there = ids[:, 1:] != padding
    each = functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].clamp(min=0).flatten(), reduction="none"
    ).view(there.shape)
    return (each * there).sum(1), there.sum(1).to(torch.float32)
