"""Deep knowledge tracing: a recurrent state of everything answered, read out per point. Knows points, not items.

Source: Piech et al. (2015), NeurIPS 28; an event of several points is one step, their mean in and their mean out.
"""

from torch import Tensor, nn

from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.neural import fitted
from shuyuan.science.tracing.neural.events import Events
from shuyuan.science.tracing.neural.parts import Answered, HeldDropout, Points, earlier, halved
from shuyuan.science.tracing.neural.training import Recipe

NAME = "dkt"
RECIPE = Recipe(rate=5e-3, rare_decay=1e-4)
WIDTH, DROPOUT = 64, 0.3


class Dkt(nn.Module):
    """LSTM over answers."""

    def __init__(self, items: int, points: int, width: int = WIDTH) -> None:
        super().__init__()
        self.answered = Answered(points, width)
        self.state = nn.LSTM(width, width, batch_first=True)
        self.dropout = HeldDropout(DROPOUT)
        self.asked, self.easy = Points(points, width), Points(points, 1)

    def forward(self, events: Events) -> Tensor:
        """(B, T) logits"""
        answered = self.answered.of(events)
        with halved(answered, training=self.training):
            state = self.state(answered)[0].float()
        state = self.dropout(earlier(state))
        told: Tensor = (state * self.asked.of(events)).sum(2) + self.easy.of(events)[:, :, 0]
        return told


def fit(
    train: Interactions, *, validation: Interactions | None = None, seed: int = 0, recipe: Recipe = RECIPE
) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.fit(Dkt, train, validation, seed, recipe)


def load(arrays: Arrays) -> fitted.Neural:
    """See `family.Algorithm`."""
    return fitted.load(Dkt, arrays)
