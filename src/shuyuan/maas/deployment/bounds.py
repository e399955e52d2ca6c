"""Bounds that hold however often one looks: after every call, and not only at an end agreed before. Pure.

A usual interval that is looked at after every call is wrong sooner or later. These are confidence sequences: the
chance that one of them ever misses is at most `ALPHA`. So a canary that is well is taken back once in a thousand.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

ALPHA = 0.001
_TUNED_AT = 200  # calls at which the latency bounds are tightest
_RHO2 = (-2 * math.log(ALPHA / 4) + math.log(-2 * math.log(ALPHA / 4) + 1)) / _TUNED_AT
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls of one version. log_sum, log_squares: of the natural logarithm of each good call's seconds."""

    calls: int = 0
    errors: int = 0
    log_sum: float = 0.0
    log_squares: float = 0.0

    @property
    def timed(self) -> int:
        """Calls whose time is counted: those that went well."""
        return self.calls - self.errors

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.calls + other.calls,
            self.errors + other.errors,
            self.log_sum + other.log_sum,
            self.log_squares + other.log_squares,
        )


def error_rate(counts: Counts, alpha: float = ALPHA) -> tuple[float, float]:
    """Lower and upper bound of the share of calls that fail.

    The beta-binomial mixture with Jeffreys' prior against each rate; a rate is in as long as the mixture is less than
    1/alpha times as likely. Source: Robbins (1970), Ville's inequality.

    >>> low, high = error_rate(Counts(calls=20, errors=20))
    >>> round(low, 2), high
    (0.64, 1.0)
    """
    n, k = counts.calls, counts.errors
    if n == 0:
        return 0.0, 1.0
    mixture = _log_beta(k + 0.5, n - k + 0.5) - _log_beta(0.5, 0.5)

    def outside(rate: float) -> bool:
        likely = (k * math.log(rate) if k else 0.0) + ((n - k) * math.log1p(-rate) if n > k else 0.0)
        return mixture - likely >= -math.log(alpha)

    middle = k / n
    low = 0.0 if k == 0 else _edge(0.0, middle, outside_is_left=True, outside=outside)
    high = 1.0 if k == n else _edge(middle, 1.0, outside_is_left=False, outside=outside)
    return low, high


def typical_s(counts: Counts) -> float | None:
    """The geometric mean of the calls' seconds; None: none went well."""
    return math.exp(counts.log_sum / counts.timed) if counts.timed else None


def latency_ratio(one: Counts, other: Counts, alpha: float = ALPHA) -> tuple[float, float] | None:
    """Bounds of `one`'s typical time over `other`'s; None while either has fewer than two good calls.

    Means of logarithms, so that one slow call weighs little. Each mean has an asymptotic confidence sequence; source:
    Waudby-Smith et al. (2024).
    """
    if min(one.timed, other.timed) < 2:
        return None
    (a, wide_a), (b, wide_b) = _mean(one, alpha / 2), _mean(other, alpha / 2)
    return math.exp(min(a - b - wide_a - wide_b, 700.0)), math.exp(min(a - b + wide_a + wide_b, 700.0))


def _mean(counts: Counts, alpha: float) -> tuple[float, float]:
    """The mean of the logarithms and half the width of its bounds."""
    n = counts.timed
    mean = counts.log_sum / n
    variance = max(counts.log_squares / n - mean * mean, 0.0) * n / (n - 1)
    grown = n * _RHO2 + 1
    return mean, math.sqrt(variance * 2 * grown / (n * n * _RHO2) * math.log(math.sqrt(grown) / (alpha / 2)))


def _edge(low: float, high: float, *, outside_is_left: bool, outside: Callable[[float], bool]) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if outside(middle) == outside_is_left:
            low = middle
        else:
            high = middle
    return low if outside_is_left else high


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
