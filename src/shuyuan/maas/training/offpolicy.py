"""What a policy would have earned, judged on rows another policy logged: IPS, its self-normalised form, doubly robust.

Sources: Horvitz & Thompson (1952); Swaminathan & Joachims (2015); Dudik, Langford & Li (2011).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
_NORMAL_95 = 1.96


class Value(NamedTuple):
    """Mean payoff a row with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


class Logged(NamedTuple):
    """arm: (rows,) taken.  paid: (rows,).  propensity: (rows,) probability with which it was taken."""

    arm: NDArray[np.int64]
    paid: Floats
    propensity: Floats


def ips(policy: Floats, log: Logged, most: float) -> Value:
    """Payoffs weighted by how much likelier the policy is to do the same.

    policy: (rows, arms).  most: cap of a weight.
    """
    return interval(weights(policy, log, most) * log.paid)


def snips(policy: Floats, log: Logged, most: float) -> float:
    """The same divided by the mean weight: biased a little, steadier by much."""
    w = weights(policy, log, most)
    return float((w * log.paid).sum() / w.sum()) if w.sum() > 0 else 0.0


def doubly_robust(policy: Floats, log: Logged, expected: Floats, most: float) -> Value:
    """What the model expects, mended by what it was wrong about. expected: (rows, arms).

    Right on average when either the propensities or the expectations are.

    >>> log = Logged(np.array([0, 1]), np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    >>> doubly_robust(np.array([[1.0, 0], [1, 0]]), log, np.array([[0.8, 0], [0.8, 0]]), 20).mean
    1.0
    """
    rows = np.arange(len(log.arm))
    wrong = log.paid - expected[rows, log.arm]
    return interval((policy * expected).sum(1) + weights(policy, log, most) * wrong)


def weights(policy: Floats, log: Logged, most: float) -> Floats:
    """Probability under the policy over the logged one, capped."""
    ratio: Floats = policy[np.arange(len(log.arm)), log.arm] / np.maximum(log.propensity, 1e-6)
    return np.minimum(ratio, most)


def interval(values: Floats) -> Value:
    """Mean of independent values, normal interval."""
    mean = float(values.mean())
    half = _NORMAL_95 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return Value(mean, mean - half, mean + half)
