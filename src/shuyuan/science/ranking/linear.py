"""What the item-to-item rankers share: scores are a (weighted) history times a square table, plus a little popularity.

The popularity is scaled to stay below every real difference: it orders the items of learners without a history and
breaks ties.
"""

from dataclasses import dataclass

import numpy as np

from shuyuan.science.ranking.histories import Floats, Histories

TIE = 1e-9


@dataclass(frozen=True)
class Linear:
    """weights[i, j]: how much having taken i speaks for j. popularity: (items,). decay: see `Histories.weighted`."""

    weights: Floats
    popularity: Floats
    decay: float = 1.0

    def scores(self, histories: Histories) -> Floats:
        """(learners, items)."""
        if histories.items != len(self.popularity):
            raise ValueError(f"fitted on {len(self.popularity)} items, asked about {histories.items}")
        return np.asarray(histories.weighted(self.decay) @ self.weights + TIE * self.popularity, dtype=np.float64)


def popularity(histories: Histories) -> Floats:
    """(items,) the share of learners who took each."""
    return np.bincount(histories.item, minlength=histories.items) / max(1, len(histories))
