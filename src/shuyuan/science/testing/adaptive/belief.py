"""What is believed of one person's ability: a normal prior over a grid, sharpened by each answer.

Expected a posteriori (mean) and maximum a posteriori (mode) come from the belief; `likeliest` is the estimate without a
prior. Source: Bock & Mislevy (1982), Appl. Psychol. Meas. 6.
"""

from collections.abc import Sequence

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats

NODES, REACH = 161, 4.0
FARTHEST = 4.0  # where the likeliest ability of somebody with all right, or all wrong, is cut off
_STEPS, _CLOSE = 100, 1e-9


class Belief:
    """Mutable. nodes: (Q,) abilities; `share` (Q,) how much of the belief lies at each."""

    nodes: Floats = np.linspace(-REACH, REACH, NODES)

    def __init__(self, mean: float = 0.0, deviation: float = 1.0) -> None:
        if not deviation > 0:
            raise ValueError(f"the prior's deviation must be above 0, got {deviation}")
        self._log = -0.5 * ((self.nodes - mean) / deviation) ** 2
        self._summed: tuple[Floats, float, float] | None = None

    def learn(self, log_right: Floats, log_wrong: Floats, right: bool) -> None:
        """One answer to an item whose log chances at the nodes are (Q,)."""
        self._log = self._log + (log_right if right else log_wrong)
        self._log -= self._log.max()
        self._summed = None

    @property
    def share(self) -> Floats:
        """(Q,), sums to one."""
        return self._sums()[0]

    @property
    def mean(self) -> float:
        """Expected a posteriori."""
        return self._sums()[1]

    @property
    def deviation(self) -> float:
        """The standard error of `mean`."""
        return self._sums()[2]

    @property
    def mode(self) -> float:
        """Maximum a posteriori: the top of the parabola through the three highest nodes."""
        top = int(np.argmax(self._log))
        if top in (0, NODES - 1):
            return float(self.nodes[top])
        left, middle, right = self._log[top - 1 : top + 2]
        bend = left - 2.0 * middle + right
        width = float(self.nodes[1] - self.nodes[0])
        return float(self.nodes[top] + (0.5 * (left - right) / bend * width if bend < 0 else 0.0))

    def _sums(self) -> tuple[Floats, float, float]:
        if self._summed is None:
            share = np.exp(self._log)
            share /= share.sum()
            mean = float(share @ self.nodes)
            variance = float(share @ (self.nodes - mean) ** 2)
            self._summed = share, mean, variance**0.5
        return self._summed


def likeliest(bank: Bank, items: Sequence[int], right: Sequence[bool]) -> tuple[float, float]:
    """Maximum likelihood ability and its standard error, by bisection of the score in [-4, 4].

    Somebody with all right or all wrong has no finite estimate: the end of the range, with an infinite error. The same
    without any answer, at 0.
    """
    if len(items) != len(right):
        raise ValueError(f"{len(items)} items but {len(right)} answers")
    if not items or len(set(right)) == 1:
        return (0.0 if not items else FARTHEST if right[0] else -FARTHEST), float("inf")
    asked = np.asarray(items)
    a, b, c, marks = bank.a[asked], bank.b[asked], bank.c[asked], np.asarray(right, dtype=np.float64)

    def score(ability: float) -> float:
        p = c + (1 - c) / (1 + np.exp(-a * (ability - b)))
        return float((a * (p - c) / (1 - c) / p * (marks - p)).sum())

    low, high = -FARTHEST, FARTHEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
        if high - low < _CLOSE:
            break
    found = (low + high) / 2
    information = float(bank.information(found)[asked].sum())
    return found, information**-0.5 if information > 0 else float("inf")
