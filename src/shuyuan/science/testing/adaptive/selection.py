"""How much each item of a bank would tell, read from tables over ability: a row or a product, not a formula an item.

Criteria: Fisher information at the estimate; information weighted by the belief; Kullback-Leibler divergence between
the estimate and the rest of the belief, which looks farther while little is known. Sources: Lord (1980); van der Linden
(1998), Psychometrika 63; Chang & Ying (1996), Appl. Psychol. Meas. 20.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.adaptive.belief import NODES, Belief
from shuyuan.science.testing.bank import Bank

Singles = npt.NDArray[np.float32]
Criterion = Literal["information", "weighted", "divergence"]


class Table:
    """A bank at the nodes of a belief. Immutable; made once a bank, shared by every sitting."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        p = np.clip(bank.chance(Belief.nodes), 1e-9, 1 - 1e-9)  # (Q, J)
        self.log_right, self.log_wrong = np.log(p), np.log1p(-p)
        self._information = bank.information(Belief.nodes).astype(np.float32)
        self._right, self._wrong = self.log_right.astype(np.float32), self.log_wrong.astype(np.float32)

    def information(self, belief: Belief) -> Singles:
        """(J,) Fisher information at the mean, between its two nodes."""
        return self._between(self._information, belief)

    def weighted(self, belief: Belief) -> Singles:
        """(J,) Fisher information over the whole belief."""
        return np.asarray(belief.share.astype(np.float32) @ self._information)

    def divergence(self, belief: Belief) -> Singles:
        """(J,) expected Kullback-Leibler divergence of the answer at the mean from that over the belief."""
        share = belief.share.astype(np.float32)
        right, wrong = self._between(self._right, belief), self._between(self._wrong, belief)
        p = np.exp(right)
        return np.asarray(p * (right - share @ self._right) + (1 - p) * (wrong - share @ self._wrong))

    @staticmethod
    def _between(rows: Singles, belief: Belief) -> Singles:
        place = (belief.mean - Belief.nodes[0]) / (Belief.nodes[1] - Belief.nodes[0])
        left = min(max(int(place), 0), NODES - 2)
        part = np.float32(place - left)
        return np.asarray((1 - part) * rows[left] + part * rows[left + 1])


CRITERIA: Mapping[Criterion, str] = {
    "information": "most information at the estimate",
    "weighted": "most information over what is believed",
    "divergence": "what tells the estimate best from the rest of what is believed",
}
